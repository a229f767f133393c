import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkLayers } from './check-layers.mjs'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'squeeze-layers-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function tree(files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

test('takes what runs down', () => {
  tree({
    'src/shared/contract/a.ts': `import { z } from 'zod'`,
    'src/main/cli/index.ts': `import { a } from '../studio/a.ts'\nimport 'node:fs'`,
    'src/main/studio/a.ts': `import { b } from '../db/b.ts'\nimport type { C } from '../../shared/contract/a.ts'`,
    'src/main/db/b.ts': '',
    'src/main/db/b.test.ts': `import { fake } from '../../../test/fixtures/fake.ts'`,
    'src/main/app/index.ts': `import { app } from 'electron'`,
    'src/renderer/pages/home/index.tsx': `import { Bar } from '../../ui/bar.tsx'\nimport { go } from '../../route.ts'`,
    'src/renderer/ui/bar.tsx': '',
    'src/renderer/route.ts': '',
    'native/jobs/a.cpp': '#include "methods/method.hpp"\n#include <nlohmann/json.hpp>\n#include <vector>',
    'native/methods/method.hpp': '#include "base/b.hpp"',
    'native/methods/rtn/rtn.cpp': '#include "methods/method.hpp"\n#include "methods/rtn/rtn.hpp"',
    'native/methods/rtn/rtn.hpp': '',
    'native/base/b.hpp': '',
    'native/rpc/codec.hpp': '#include <nlohmann/json.hpp>',
  })
  expect(checkLayers(root)).toEqual([])
})

test.each([
  ['src/main/studio/a.ts', `import x from 'electron'`, 'only src/main/app and src/preload know Electron'],
  ['src/main/studio/a.ts', `\nexport { x } from '../cli/b.ts'`, 'src/main/studio may import'],
  ['src/main/db/a.ts', `import('../sidecar/b.ts')`, 'src/main/db may import src/shared'],
  ['src/main/server/a.ts', `import '../cli/b.ts'`, 'src/main/server may import'],
  ['src/shared/a.ts', `import type { B } from '../main/db/b.ts'`, 'src/shared may import nothing else'],
  ['src/shared/a.ts', `import { join } from 'node:path'`, 'runs in the page'],
  ['src/renderer/stores/a.ts', `import fs from 'fs'`, 'runs in the page'],
  ['src/renderer/a.ts', `import '../main/studio/b.ts'`, 'src/renderer may import'],
  ['src/renderer/pages/home/a.tsx', `import '../result/b.tsx'`, 'a page never imports a page'],
  ['src/renderer/ui/a.tsx', `import '../features/jobs/b.tsx'`, 'src/renderer/ui may import'],
  ['src/main/db/a.ts', `import '../../../test/fixtures/b.ts'`, 'is outside of the sources'],
  ['src/other/a.ts', `import 'zod'`, 'no place in the layers'],
])('refuses %s with %s', (file, text, rule) => {
  tree({ [file]: text })
  const line = text.startsWith('\n') ? 2 : 1
  expect(checkLayers(root)).toEqual([expect.stringContaining(`${file}:${line}: `)])
  expect(checkLayers(root)[0]).toContain(rule)
})

test.each([
  ['native/base/a.cpp', '#include "tensor/b.hpp"', 'native/tensor/b.hpp', 'base lies below tensor'],
  ['native/eval/a.cpp', '#include "methods/b.hpp"', 'native/methods/b.hpp', 'eval lies beside methods'],
  ['native/jobs/a.hpp', '// why\n#include "rpc/b.hpp"', 'native/rpc/b.hpp', 'jobs lies below rpc'],
  [
    'native/methods/x/a.cpp',
    '#include "methods/y/y.hpp"',
    'native/methods/y/y.hpp',
    'a method never includes a method',
  ],
  ['native/methods/x/a.cpp', '#include "archs/model.hpp"', 'native/archs/model.hpp', 'a method never includes archs'],
  ['native/ops/a.cu', '  # include "formats/b.hpp"', 'native/formats/b.hpp', 'ops lies below formats'],
  ['native/tensor/a.hpp', '#include <nlohmann/json.hpp>', 'native/tensor/b.hpp', 'a header never includes nlohmann'],
  ['native/methods/x/a.cpp', '#include <nlohmann/json_fwd.hpp>', 'native/base/b.hpp', 'methods knows no JSON'],
])('refuses %s with %s', (file, text, other, rule) => {
  tree({ [file]: text, [other]: '' })
  const line = text.split('\n').length
  expect(checkLayers(root)).toEqual([expect.stringContaining(`${file}:${line}: `)])
  expect(checkLayers(root)[0]).toContain(rule)
})
