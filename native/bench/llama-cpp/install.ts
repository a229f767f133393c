/**
 * Brings llama.cpp as Debian builds it: a backend library for each generation of processors, of which the program loads
 * the best that runs, and its own benchmark. The packages come from the testing suite, so they are unpacked with the C
 * library that they were built for into a folder of their own, and nothing is installed on the machine.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from './program.ts'

const SUITE = 'forky'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const PACKAGES = [
  ...['llama.cpp-tools', 'libllama0', 'libggml0'],
  ...['libc6', 'libgcc-s1', 'libstdc++6', 'libgomp1', 'libssl3t64', 'libzstd1', 'zlib1g'],
]
const LIBRARIES = 'root/usr/lib/x86_64-linux-gnu'
/** The backend for processors with AVX2, FMA and F16C, and nothing newer. */
const AVX2_BACKEND = 'libggml-cpu-haswell.so'

export interface Installation {
  /** Package → version. */
  versions: Record<string, string>
  /** The arguments after the program that runs one of llama.cpp's own. */
  command: (program: string) => [string, ...string[]]
  /** Working directories: a program takes the best backend among those that lie in its own. */
  backends: { best: string; avx2: string }
}

export function installLlamaCpp(folder: string): Installation {
  const record = join(folder, 'versions.json')
  if (!existsSync(record)) writeFileSync(record, `${JSON.stringify(unpack(folder), null, 2)}\n`)
  const libraries = join(folder, LIBRARIES)
  return {
    versions: JSON.parse(readFileSync(record, 'utf8')) as Record<string, string>,
    command: (program) => [
      join(folder, 'root/usr/lib64/ld-linux-x86-64.so.2'),
      '--library-path',
      `${libraries}:${join(libraries, 'llama')}`,
      join(folder, 'root/usr/bin', program),
    ],
    backends: { best: join(libraries, 'ggml/backends0'), avx2: join(folder, 'avx2') },
  }
}

function unpack(folder: string): Record<string, string> {
  const packages = download(folder)
  const versions: Record<string, string> = {}
  for (const path of packages) {
    const field = (name: string) => runProgram('dpkg-deb', ['--field', path, name]).stdout.trim()
    versions[field('Package')] = field('Version')
    runProgram('dpkg-deb', ['--extract', path, join(folder, 'root')])
  }
  mkdirSync(join(folder, 'avx2'), { recursive: true })
  copyFileSync(join(folder, LIBRARIES, 'ggml/backends0', AVX2_BACKEND), join(folder, 'avx2', AVX2_BACKEND))
  return versions
}

/** Fetches by an apt that knows this folder alone, so that the machine's own lists stay as they are. */
function download(folder: string): string[] {
  const at = (name: string) => join(folder, 'apt', name)
  rmSync(join(folder, 'root'), { recursive: true, force: true })
  rmSync(at(''), { recursive: true, force: true })
  for (const name of ['lists/partial', 'cache/archives/partial', 'sources', 'packages']) {
    mkdirSync(at(name), { recursive: true })
  }
  writeFileSync(at('status'), '')
  writeFileSync(
    at('sources/testing.sources'),
    `Types: deb\nURIs: ${mirror()}\nSuites: ${SUITE}\nComponents: main\nSigned-By: ${KEYRING}\n`,
  )
  const own = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': at('sources'),
    'Dir::State::lists': at('lists'),
    'Dir::State::status': at('status'),
    'Dir::Cache': at('cache'),
    // The account that apt hands downloads to may not be able to enter this folder.
    'APT::Sandbox::User': 'root',
  }
  const options = Object.entries(own).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  runProgram('apt-get', [...options, 'update'])
  runProgram('apt-get', [...options, 'download', ...PACKAGES], { cwd: at('packages') })
  return readdirSync(at('packages')).map((name) => at(join('packages', name)))
}

/** Where this machine takes its own Debian packages from. */
function mirror(): string {
  const { stdout } = runProgram('apt-get', ['indextargets', '--format', '$(ORIGIN) $(LABEL) $(REPO_URI)'])
  const found = /^Debian Debian (\S+)$/m.exec(stdout)?.[1]
  if (found === undefined) {
    throw new Error("llama.cpp comes from Debian's packages, and apt knows no Debian mirror: run apt-get update first.")
  }
  return found
}
