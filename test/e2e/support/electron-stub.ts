import { appendFileSync, chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Marks the place of the fuses in Electron's program; behind it stand their version, their number, and one byte each. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
/** As Electron leaves them: Node may run, its options count, and nothing is checked. */
const FUSES = '101100011'

/** A folder that electron-builder takes for an unpacked Electron for Linux; its program does nothing. */
export function makeElectronStub(folder: string): void {
  for (const part of ['resources', 'locales']) mkdirSync(join(folder, part), { recursive: true })
  copyFileSync('/bin/true', join(folder, 'electron'))
  chmodSync(join(folder, 'electron'), 0o755)
  appendFileSync(join(folder, 'electron'), `${SENTINEL}\x01${String.fromCharCode(FUSES.length)}${FUSES}`)
  for (const name of ['LICENSE', 'LICENSES.chromium.html', 'version', 'locales/en-US.pak'])
    writeFileSync(join(folder, name), '')
}
