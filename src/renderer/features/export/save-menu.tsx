import { Button, Menu } from '@mantine/core'
import type { Scene } from '../../../shared/charts/scene.ts'
import { toCsv, toJson, type TableRecord } from '../../../shared/export/table-text.ts'
import { download } from '../../ui/download.ts'
import { pngPicture, svgPicture } from './picture.ts'

type Props = {
  /** What is saved, in a word: "chart", "table". */
  what: string
  /** Of the file, without its ending. */
  name: string
  /** Drawn only when it is asked for. */
  picture?: (() => Scene) | undefined
  records: () => TableRecord[]
}

/** The one way to take a chart or a table away: as a picture, where there is one, and as its numbers. */
export function SaveMenu({ what, name, picture, records }: Props) {
  const save = (ending: string, type: string, text: string) => download(`${name}.${ending}`, new Blob([text], { type }))
  return (
    <Menu position="bottom-end" width={140}>
      <Menu.Target>
        <Button size="compact-xs" variant="default" aria-label={`Save as… (${what})`}>
          Save as…
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {picture && (
          <>
            <Menu.Item onClick={() => void pngPicture(picture()).then((picture) => download(`${name}.png`, picture))}>
              PNG
            </Menu.Item>
            <Menu.Item onClick={() => save('svg', 'image/svg+xml', svgPicture(picture()))}>SVG</Menu.Item>
          </>
        )}
        <Menu.Item onClick={() => save('csv', 'text/csv;charset=utf-8', toCsv(records()))}>CSV</Menu.Item>
        <Menu.Item onClick={() => save('json', 'application/json', toJson(records()))}>JSON</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
