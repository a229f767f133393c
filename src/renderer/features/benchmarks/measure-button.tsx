import { Button, Checkbox, NumberInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { useJobs } from '../../stores/jobs.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { size } from '../../ui/units.ts'
import { Failure } from '../failure.tsx'
import { useAttempt } from '../use-attempt.ts'
import { modelWords } from './model-name.tsx'
import classes from './measure-button.module.css'

const USUAL_PROMPT = 512
const USUAL_GENERATED = 128
const CHECKPOINT = 'checkpoint'

/** Begins a measurement of speed. */
export function MeasureButton({ project }: { project: Project }) {
  const [opened, { open, close }] = useDisclosure(false)
  const none = !project.checkpoint.found && !project.results.some(({ found }) => found)
  return (
    <>
      <Button onClick={open} disabled={none}>
        Measure…
      </Button>
      <Dialog title="Measure the speed" size="md" opened={opened} close={close}>
        <MeasureForm project={project} started={close} />
      </Dialog>
    </>
  )
}

function MeasureForm({ project, started }: { project: Project; started: () => void }) {
  const { contextLength } = project.checkpoint
  const models = modelsOf(project)
  const [chosen, choose] = useState(models.filter(({ found }) => found).map(({ value }) => value))
  const [prompt, setPrompt] = useState<string | number>(Math.min(USUAL_PROMPT, Math.floor(contextLength / 2)))
  const [generated, setGenerated] = useState<string | number>(Math.min(USUAL_GENERATED, Math.floor(contextLength / 4)))
  const { attempt, busy, error } = useAttempt()
  const room = Math.max(2, contextLength - Number(prompt))

  async function start() {
    await client.call('benchmark.start', {
      projectId: project.id,
      models: models.filter(({ value }) => chosen.includes(value)).map(({ resultId }) => ({ resultId })),
      promptTokens: Number(prompt),
      generateTokens: Number(generated),
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
      <Checkbox.Group label="Models" value={chosen} onChange={choose}>
        <div className={classes.models}>
          {models.map(({ value, label, note, found }) => (
            <Checkbox key={value} size="xs" value={value} disabled={!found} label={`${label}, ${note}`} />
          ))}
        </div>
      </Checkbox.Group>
      <div className={classes.pair}>
        <NumberInput
          label="Prompt"
          suffix=" tokens"
          required
          min={1}
          max={contextLength - 2}
          allowDecimal={false}
          value={prompt}
          onChange={setPrompt}
        />
        <NumberInput
          label="To generate"
          suffix=" tokens"
          required
          min={2}
          max={room}
          allowDecimal={false}
          value={generated}
          onChange={setGenerated}
        />
      </div>
      <p className={classes.words}>
        Five rounds after a warm-up, one model after the other, and the memory bandwidth between the rounds. Leave the
        machine alone meanwhile: other work makes the numbers smaller.
      </p>
      <Disturbance />
      {error && <Failure error={error} />}
      <Button
        type="submit"
        className={classes.submit}
        loading={busy}
        disabled={chosen.length === 0 || prompt === '' || generated === ''}
      >
        Measure
      </Button>
    </form>
  )
}

/** What runs in this studio is waited for; what runs in another process is not. */
function Disturbance() {
  const running = useJobs(({ value }) => (value ?? []).some(({ state }) => state === 'running'))
  if (!running) return null
  return (
    <p className={classes.warning} role="status">
      A job runs now. Where it was started from the command line, wait for its end before you measure.
    </p>
  )
}

function modelsOf({ checkpoint, results }: Project) {
  return [
    {
      value: CHECKPOINT,
      resultId: undefined,
      label: modelWords(undefined),
      note: checkpoint.found ? `${checkpoint.dtype}, ${size(checkpoint.sizeBytes)}` : 'folder is gone',
      found: checkpoint.found,
    },
    ...results.map((result) => ({
      value: String(result.id),
      resultId: result.id,
      label: modelWords(result),
      note: result.found ? size(result.sizeBytes) : 'folder is gone',
      found: result.found,
    })),
  ]
}
