import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'

/**
 * The window and the command line, which also serves the page, are two entries of one build. What package.json calls a
 * dependency is loaded from node_modules; everything else is built in, and its licences are kept beside what is built.
 */
export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      sourcemap: true,
      license: true,
      rolldownOptions: {
        input: {
          app: 'src/main/app/index.ts',
          cli: 'src/main/cli/index.ts',
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      // A sandboxed preload can load nothing but itself, and only as CommonJS.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: 'src/preload/index.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'src/renderer',
    plugins: [react()],
    build: {
      outDir: 'out/renderer',
      minify: true,
      license: true,
      rolldownOptions: { input: 'src/renderer/index.html' },
    },
  },
})
