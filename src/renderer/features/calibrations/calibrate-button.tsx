import { Button, NumberInput } from '@mantine/core'
import { useState } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { closeOverlay, showOverlay, useOverlay } from '../../stores/overlay.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure } from '../failure.tsx'
import { useAttempt } from '../use-attempt.ts'
import classes from '../../ui/form.module.css'

/** As the papers of this field do it. */
const USUAL_SAMPLES = 100
const USUAL_LENGTH = 512

/** Begins a calibration on the bundled text. */
export function CalibrateButton({ project }: { project: Project }) {
  const opened = useOverlay(({ overlay }) => overlay === 'calibrate')
  return (
    <>
      <Button onClick={() => showOverlay('calibrate')} disabled={!project.checkpoint.found}>
        Calibrate…
      </Button>
      <Dialog title="Calibrate the checkpoint" size="md" opened={opened} close={closeOverlay}>
        <CalibrateForm project={project} started={closeOverlay} />
      </Dialog>
    </>
  )
}

function CalibrateForm({ project, started }: { project: Project; started: () => void }) {
  const { contextLength } = project.checkpoint
  const [samples, setSamples] = useState<string | number>(USUAL_SAMPLES)
  const [length, setLength] = useState<string | number>(Math.min(USUAL_LENGTH, contextLength))
  const { attempt, busy, error } = useAttempt()

  async function start() {
    await client.call('calibration.start', { projectId: project.id, samples: Number(samples), length: Number(length) })
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
      <p className={classes.words}>
        Reads the bundled text through the checkpoint, forward and backward, and keeps the squared gradient of every
        weight. The command line takes other texts: squeeze calibrate --text.
      </p>
      <div className={classes.pair}>
        <NumberInput
          label="Sequences"
          required
          min={1}
          max={100_000}
          allowDecimal={false}
          value={samples}
          onChange={setSamples}
        />
        <NumberInput
          label="Tokens in each"
          required
          min={2}
          max={contextLength}
          allowDecimal={false}
          value={length}
          onChange={setLength}
        />
      </div>
      {error && <Failure error={error} />}
      <Button type="submit" loading={busy} className={classes.submit}>
        Calibrate
      </Button>
    </form>
  )
}
