import { Button, Progress, SegmentedControl, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { ExportSummary, ResultSummary } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { useJobs } from '../../stores/jobs.ts'
import { CopyButton } from '../../ui/command.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Message } from '../../ui/message.tsx'
import { Failure } from '../failure.tsx'
import { useAttempt } from '../use-attempt.ts'
import { stageWords } from '../jobs/job-words.ts'
import classes from '../../ui/form.module.css'

type Format = ExportSummary['format']

export const FORMATS: { value: Format; label: string; words: string }[] = [
  {
    value: 'squeezellm',
    label: 'SqueezeLLM, packed',
    words: 'As small as the result: codebooks, packed indices and outliers in the public SqueezeLLM layout.',
  },
  {
    value: 'hf-fp16',
    label: 'Hugging Face, FP16',
    words: 'A dense checkpoint with the squeezed values written back: runs anywhere, and is as large as at 16 bits.',
  },
  {
    value: 'hf-bf16',
    label: 'Hugging Face, BF16',
    words:
      'A dense checkpoint in BF16: runs anywhere, and is as large as at 16 bits. BF16 rounds the values once more.',
  },
]

type Props = { projectId: number; result: ResultSummary; exportFolder: string; primary: boolean }

/** Writes a result for other programs: asks for the format and the folder, and shows where it went. */
export function ExportButton({ primary, ...asked }: Props) {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button variant={primary ? 'filled' : 'default'} onClick={open} disabled={!asked.result.found}>
        Export…
      </Button>
      <Dialog title="Export the result" opened={opened} close={close}>
        <ExportForm {...asked} close={close} />
      </Dialog>
    </>
  )
}

type FormProps = Omit<Props, 'primary'> & { close: () => void }

function ExportForm({ projectId, result, exportFolder, close }: FormProps) {
  const [format, setFormat] = useState<Format>('hf-fp16')
  const [typed, setTyped] = useState<string>()
  const [begun, setBegun] = useState<{ jobId: number; out: string }>()
  const { attempt, busy, error } = useAttempt()
  const out = typed ?? `${exportFolder}-${format}`

  async function start() {
    const { jobId } = await client.call('export.start', { projectId, resultId: result.id, format, out: out.trim() })
    setBegun({ jobId, out: out.trim() })
  }

  if (begun) return <Outcome {...begun} close={close} again={() => setBegun(undefined)} />
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault()
        attempt(start)
      }}
    >
      <div>
        <div className={classes.label}>Format</div>
        <SegmentedControl
          aria-label="Format"
          value={format}
          onChange={(value) => setFormat(FORMATS.find((known) => known.value === value)?.value ?? format)}
          data={FORMATS.map(({ value, label }) => ({ value, label }))}
        />
        <p className={classes.words}>{FORMATS.find(({ value }) => value === format)?.words}</p>
      </div>
      <TextInput
        label="Folder to make"
        required
        value={out}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {error && <Failure error={error} />}
      <div className={classes.end}>
        <Button type="submit" loading={busy}>
          Export
        </Button>
      </div>
    </form>
  )
}

type OutcomeProps = { jobId: number; out: string; close: () => void; again: () => void }

/** The export while it runs, and what came of it. It goes on when the dialog is closed. */
function Outcome({ jobId, out, close, again }: OutcomeProps) {
  const job = useJobs(({ value }) => value?.find(({ id }) => id === jobId))
  const running = job === undefined || job.state === 'running'
  return (
    <div className={classes.form}>
      {running && (
        <>
          <p className={classes.words}>
            {job ? stageWords(job) : 'Starting'}, into {out}
          </p>
          <Progress
            value={(job?.fraction ?? 0) * 100}
            aria-label="Exporting"
            color="var(--accent)"
            classNames={{ root: classes.track }}
          />
        </>
      )}
      {job?.state === 'done' && (
        <Message title="Exported">
          <span className={classes.where}>
            {out} <CopyButton text={out} label="Copy path of the export" />
          </span>
        </Message>
      )}
      {job?.error && <Failure error={job.error} retry={again} />}
      {(job?.state === 'cancelled' || job?.state === 'interrupted') && <Message title="The export was ended" />}
      <div className={classes.end}>
        <Button variant={running ? 'default' : 'filled'} onClick={close}>
          {running ? 'Close, and let it run' : 'Done'}
        </Button>
      </div>
    </div>
  )
}
