import { Button, NativeSelect } from '@mantine/core'
import classes from './text-choice.module.css'

type Props = {
  /** Path; absent: the bundled sample. */
  text: string | undefined
  wikiText: string | undefined
  choose: (path: string | undefined) => void
  browse: () => void
}

/** Which text is read: the bundled one, WikiText-2 where it was found, or what a person looks for. */
export function TextChoice({ text, wikiText, choose, browse }: Props) {
  const known = [
    { value: '', label: 'bundled sample text' },
    ...(wikiText === undefined ? [] : [{ value: wikiText, label: `WikiText-2 raw, training part: ${wikiText}` }]),
  ]
  const own = text === undefined || text === wikiText ? [] : [{ value: text, label: text }]
  return (
    <div className={classes.row}>
      <NativeSelect
        label="Text"
        className={classes.select}
        value={text ?? ''}
        onChange={(event) => choose(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
        data={[...known, ...own]}
      />
      <Button variant="default" onClick={browse}>
        Browse…
      </Button>
    </div>
  )
}
