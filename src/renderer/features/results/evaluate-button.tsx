import { Button, NumberInput, SegmentedControl, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { Project, ResultSummary } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure } from '../failure.tsx'
import { useAttempt } from '../use-attempt.ts'
import classes from '../../ui/form.module.css'

type Props = { project: Project; result: ResultSummary; primary: boolean }

/** Begins a measurement of the perplexity of a result, beside its checkpoint. */
export function EvaluateButton({ project, result, primary }: Props) {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button variant={primary ? 'filled' : 'default'} onClick={open} disabled={!result.found}>
        Evaluate…
      </Button>
      <Dialog title="Measure the perplexity" size="md" opened={opened} close={close}>
        <EvaluateForm project={project} result={result} started={close} />
      </Dialog>
    </>
  )
}

const USUAL_WINDOW = 2048

function EvaluateForm({ project, result, started }: Omit<Props, 'primary'> & { started: () => void }) {
  const { checkpoint } = project
  const [source, setSource] = useState('bundled')
  const [path, setPath] = useState('')
  const [window, setWindow] = useState<string | number>(Math.min(USUAL_WINDOW, checkpoint.contextLength))
  const [limit, setLimit] = useState<string | number>('')
  const { attempt, busy, error } = useAttempt()

  async function start() {
    await client.call('evaluation.start', {
      projectId: project.id,
      resultId: result.id,
      ...(source === 'file' ? { text: path.trim() } : {}),
      window: Number(window),
      ...(limit === '' ? {} : { limitWindows: Number(limit) }),
    })
    started()
  }

  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault()
        attempt(start)
      }}
    >
      <div>
        <div className={classes.label}>Text</div>
        <SegmentedControl
          aria-label="Text"
          value={source}
          onChange={setSource}
          data={[
            { value: 'bundled', label: 'Bundled held-out text' },
            { value: 'file', label: 'A file or a folder' },
          ]}
        />
      </div>
      {source === 'file' && (
        <TextInput
          label="Path of the text"
          description="UTF-8 text, a .jsonl with a “text” in every line, or a folder of such files"
          required
          value={path}
          onChange={(event) => setPath(event.currentTarget.value)}
        />
      )}
      <div className={classes.pair}>
        <NumberInput
          label="Tokens in a window"
          required
          min={2}
          max={checkpoint.contextLength}
          allowDecimal={false}
          value={window}
          onChange={setWindow}
        />
        <NumberInput
          label="Most windows"
          placeholder="all of the text"
          min={1}
          allowDecimal={false}
          value={limit}
          onChange={setLimit}
        />
      </div>
      <p className={classes.words}>
        {checkpoint.found
          ? 'The checkpoint reads the same windows, which gives the KL divergence and the share of tokens where both put the same first.'
          : 'The checkpoint is not where it was, so the result is measured alone, without its KL divergence.'}{' '}
        Only perplexities of the same text and the same windows can be compared.
      </p>
      {error && <Failure error={error} />}
      <div className={classes.end}>
        <Button type="submit" loading={busy}>
          Evaluate
        </Button>
      </div>
    </form>
  )
}
