import { app, Menu, shell, type MenuItemConstructorOptions } from 'electron'

type Actions = {
  /** The studio's folder. */
  home: string
  openCheckpoint: () => void
  goTo: (place: string) => void
}

/** The platform's own entries, and what a person does first. */
export function setMenu({ home, openCheckpoint, goTo }: Actions): void {
  const open: MenuItemConstructorOptions = {
    label: 'Open Checkpoint…',
    accelerator: 'CmdOrCtrl+O',
    click: openCheckpoint,
  }
  const settings: MenuItemConstructorOptions = {
    label: 'Settings',
    accelerator: 'CmdOrCtrl+,',
    click: () => goTo('#/settings'),
  }
  const folder: MenuItemConstructorOptions = {
    label: 'Open the Studio’s Folder',
    click: () => void shell.openPath(home),
  }
  const mac = process.platform === 'darwin'
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(mac ? [{ role: 'appMenu' } satisfies MenuItemConstructorOptions] : []),
      {
        label: 'File',
        submenu: [
          open,
          folder,
          { type: 'separator' },
          settings,
          { type: 'separator' },
          { role: mac ? 'close' : 'quit' },
        ],
      },
      { role: 'editMenu' },
      {
        label: 'View',
        submenu: [
          { role: 'reload' },
          { role: 'toggleDevTools' },
          { type: 'separator' },
          { role: 'resetZoom' },
          { role: 'zoomIn' },
          { role: 'zoomOut' },
          { type: 'separator' },
          { role: 'togglefullscreen' },
        ],
      },
      { role: 'windowMenu' },
      { role: 'help', submenu: mac ? [] : [{ role: 'about' }] },
    ]),
  )
  app.setAboutPanelOptions({ applicationName: 'Squeeze Studio', applicationVersion: app.getVersion() })
}
