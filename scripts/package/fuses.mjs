import { join } from 'node:path'
import { flipFuses, FuseV1Options, FuseVersion } from '@electron/fuses'

/**
 * What the packaged program can no longer be talked into: to run as Node, to take options of Node, to be debugged, or
 * to load code that is not in its own archive. All fuses are named, so that a new one fails here and is decided on.
 */
export const FUSES = {
  [FuseV1Options.RunAsNode]: false,
  [FuseV1Options.EnableCookieEncryption]: true,
  [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
  [FuseV1Options.EnableNodeCliInspectArguments]: false,
  [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
  [FuseV1Options.OnlyLoadAppFromAsar]: true,
  // There is no snapshot of our own, no page that comes from file://, and WebAssembly may be as fast as it is anywhere.
  [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
  [FuseV1Options.WasmTrapHandlers]: true,
}

/** electron-builder's hook between packing and signing. */
export async function setFuses({ appOutDir, electronPlatformName, packager }) {
  await flipFuses(programIn(appOutDir, electronPlatformName, packager), {
    version: FuseVersion.V1,
    strictlyRequireAllFuses: true,
    // What was changed has to be signed anew on Apple's processors, if only by nobody.
    resetAdHocDarwinSignature: electronPlatformName === 'darwin',
    ...FUSES,
  })
}

function programIn(folder, platform, packager) {
  const { productFilename } = packager.appInfo
  if (platform === 'darwin') return join(folder, `${productFilename}.app`)
  return join(folder, platform === 'win32' ? `${productFilename}.exe` : packager.executableName)
}
