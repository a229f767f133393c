import { spawnSync } from 'node:child_process'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const MIB = 2 ** 20
const OWN_MOUNTS = ['unshare', '--map-root-user', '--mount']

/** Whether a process may have a file system here that nobody else sees. */
export const makesDisks = succeeds([...OWN_MOUNTS, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'])

/** Starts a program with so much memory in the place of `folder` as its disk. */
export function onSmallDisk(folder: string, mib: number): string[] {
  const mountThenRun = 'mount -t tmpfs -o "size=$1m" tmpfs "$2" && shift 2 && exec "$@"'
  return [...OWN_MOUNTS, 'sh', '-c', mountThenRun, 'sh', String(mib), folder]
}

/** Leaves so much room on the disk that a process started so has in the place of `folder`; gives the rest back when called. */
export function fillDisk(processId: number, folder: string, leftMib: number): () => void {
  const seen = join('/proc', String(processId), 'root', folder)
  const { bavail, bsize } = statfsSync(seen)
  const ballast = join(seen, 'ballast')
  writeFileSync(ballast, new Uint8Array(bavail * bsize - leftMib * MIB))
  return () => rmSync(ballast)
}

function succeeds([program = '', ...args]: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
