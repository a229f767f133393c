import { Button, Menu } from '@mantine/core'
import { memo } from 'react'
import type { Scene } from '../../../shared/charts/scene.ts'
import { toCsv, toJson, type TableRecord } from '../../../shared/export/table-text.ts'
import { download } from '../../ui/download.ts'
import { useHandler } from '../../ui/use-handler.ts'
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

type Form = 'png' | 'svg' | 'csv' | 'json'

/** The one way to take a chart or a table away: as a picture, where there is one, and as its numbers. */
export function SaveMenu({ what, name, picture, records }: Props) {
  const take = useHandler((form: Form) => {
    const save = (type: string, text: string) => download(`${name}.${form}`, new Blob([text], { type }))
    if (form === 'csv') save('text/csv;charset=utf-8', toCsv(records()))
    if (form === 'json') save('application/json', toJson(records()))
    if (!picture) return
    if (form === 'svg') save('image/svg+xml', svgPicture(picture()))
    if (form === 'png') void pngPicture(picture()).then((png) => download(`${name}.png`, png))
  })
  return <Forms what={what} forms={picture ? WITH_PICTURE : NUMBERS} take={take} />
}

const NUMBERS: Form[] = ['csv', 'json']
const WITH_PICTURE: Form[] = ['png', 'svg', ...NUMBERS]

/** A chart that follows a slider has another picture with every step, but the menu beside it stays what it is. */
const Forms = memo(function Forms({ what, forms, take }: { what: string; forms: Form[]; take: (form: Form) => void }) {
  return (
    <Menu position="bottom-end" width={140}>
      <Menu.Target>
        <Button size="compact-xs" variant="default" aria-label={`Save as… (${what})`}>
          Save as…
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {forms.map((form) => (
          <Menu.Item key={form} onClick={() => take(form)}>
            {form.toUpperCase()}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
})
