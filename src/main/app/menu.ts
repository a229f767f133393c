import { app, Menu, shell, type MenuItemConstructorOptions } from 'electron'

/** The platform's own entries, and the studio's folder. */
export function setMenu(home: string): void {
  const folder: MenuItemConstructorOptions = {
    label: 'Open the Studio’s Folder',
    click: () => void shell.openPath(home),
  }
  const mac = process.platform === 'darwin'
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(mac ? [{ role: 'appMenu' } satisfies MenuItemConstructorOptions] : []),
      { label: 'File', submenu: [folder, { type: 'separator' }, { role: mac ? 'close' : 'quit' }] },
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
    ]),
  )
  app.setAboutPanelOptions({ applicationName: 'Squeeze Studio', applicationVersion: app.getVersion() })
}
