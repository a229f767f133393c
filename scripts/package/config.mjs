import { basename, join } from 'node:path'
import { setFuses } from './fuses.mjs'

/**
 * What electron-builder makes, with this sidecar and what was gathered for it. The archive holds the built program and
 * the one package that cannot be built in; whatever is read or started by something other than Electron lies beside it.
 */
export const packageConfig = ({ sidecar, gathered, output }) => ({
  appId: 'studio.squeeze.app',
  productName: 'Squeeze Studio',
  copyright: 'MIT licence',
  directories: { buildResources: 'resources', output },
  // Only what cannot be loaded from inside the archive leaves it: what is inside is checked when it is read.
  asar: { smartUnpack: false },
  asarUnpack: ['**/*.node'],
  // Node-API, so that one file fits Electron and Node alike; it is not compiled again.
  npmRebuild: false,
  files: [
    'package.json',
    'out/**',
    '!out/main/cli.js',
    '!**/*.map',
    '!**/.vite/**',
    // The Node that npm brings for the command line.
    '!node_modules/node-*/**',
    '!node_modules/better-sqlite3/{src,deps,binding.gyp,prebuilds}/**',
    '!node_modules/better-sqlite3/lib/{darwin,linux,linuxmusl,win32}-*.js',
    'node_modules/better-sqlite3/prebuilds/${platform}-${arch}.node',
  ],
  extraResources: [
    { from: 'resources/sample', to: 'sample', filter: ['!*.py'] },
    { from: 'LICENSE', to: 'licenses/squeeze-studio.txt' },
    { from: 'out/main/.vite/license.md', to: 'licenses/host.md' },
    { from: 'out/renderer/.vite/license.md', to: 'licenses/page.md' },
    { from: 'node_modules/@fontsource-variable/inter/LICENSE', to: 'licenses/inter.txt' },
    { from: 'node_modules/better-sqlite3/LICENSE', to: 'licenses/better-sqlite3.txt' },
    { from: join(gathered, 'licenses'), to: 'licenses' },
    { from: join(gathered, 'lib'), to: 'lib' },
    // Where src/main/sidecar/locate.ts looks for it.
    { from: sidecar, to: basename(sidecar) },
  ],
  afterPack: setFuses,
  linux: {
    target: ['AppImage', 'deb'],
    executableName: 'squeeze-studio',
    category: 'Development',
    maintainer: 'Squeeze Studio',
    synopsis: 'See where a language model can be squeezed',
    icon: 'icon.png',
  },
  mac: {
    target: ['dmg', 'zip'],
    category: 'public.app-category.developer-tools',
    icon: 'icon.png',
  },
  win: {
    target: ['nsis'],
    icon: 'icon.png',
  },
  nsis: { oneClick: false, allowToChangeInstallationDirectory: true },
  publish: null,
})
