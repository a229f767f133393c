import { Button, Menu } from '@mantine/core'
import { download, fileNameOf } from './download.ts'
import { toCsv, toJson, type ExportColumn } from './table-text.ts'

type Props<T> = {
  /** What it is of, for the name of the file. */
  name: string
  rows: readonly T[]
  columns: readonly ExportColumn<T>[]
}

/** Saves the table in sight as a file. */
export function ExportMenu<T>({ name, rows, columns }: Props<T>) {
  const save = (ending: string, type: string, text: string) => download(`${fileNameOf(name)}.${ending}`, type, text)
  return (
    <Menu position="bottom-end" width={160}>
      <Menu.Target>
        <Button size="compact-sm" variant="default">
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save('csv', 'text/csv;charset=utf-8', toCsv(rows, columns))}>CSV</Menu.Item>
        <Menu.Item onClick={() => save('json', 'application/json', toJson(rows, columns))}>JSON</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
