import { Button, NativeSelect, NumberInput, Skeleton } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { CalibrationChoice, CalibrationChoices, Machine, Project } from '../../../shared/contract/studio/index.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import { rememberFolder, useFolderDialog } from '../../stores/folder-dialog.ts'
import { useMachine } from '../../stores/machine.ts'
import { Failure } from '../failure.tsx'
import { FolderBrowser } from '../opening/folder-browser.tsx'
import { ForecastPanel } from './forecast-panel.tsx'
import { TextChoice } from './text-choice.tsx'
import { useForecast } from './use-forecast.ts'
import classes from '../../ui/form.module.css'

/** As the papers of this field do it. */
const USUAL_SAMPLES = 100
const USUAL_LENGTH = 512

type Props = { project: Project; started: () => void }

/** Waits for what was chosen last, so that no field changes under a person's hands. */
export function CalibrateForm({ project, started }: Props) {
  const [choices, setChoices] = useState<CalibrationChoices>()
  useEffect(() => {
    client.call('calibration.choices', { projectId: project.id }).then(setChoices, () => setChoices({ last: {} }))
  }, [project.id])
  if (!choices) return <Skeleton height="30rem" radius={8} />
  return <ChosenForm project={project} started={started} choices={choices} />
}

function ChosenForm({ project, started, choices }: Props & { choices: CalibrationChoices }) {
  const { contextLength } = project.checkpoint
  const { last, wikiText } = choices
  const [text, setText] = useState(last.text)
  const [samples, setSamples] = useState<string | number>(last.samples ?? USUAL_SAMPLES)
  const [length, setLength] = useState<string | number>(Math.min(last.length ?? USUAL_LENGTH, contextLength))
  const [estimator, setEstimator] = useState(last.estimator ?? 'sample')
  const [device, setDevice] = useState('')
  const [browsing, setBrowsing] = useState(false)
  const [error, setError] = useState<ErrorInfo>()
  const [starting, setStarting] = useState(false)
  const folder = useFolderDialog((state) => state.folder)
  const machine = useMachine(({ value }) => value)

  const choice: CalibrationChoice = {
    ...(text === undefined ? {} : { text }),
    samples: Number(samples),
    length: Number(length),
    estimator,
    ...(device === '' ? {} : { device }),
  }
  const whole = choice.samples >= 1 && choice.length >= 2
  const forecast = useForecast(project.id, whole ? choice : undefined)
  const blocked = forecast.error !== undefined || forecast.value?.plan.problems.some(({ blocks }) => blocks) === true

  async function start() {
    setStarting(true)
    setError(undefined)
    try {
      await client.call('calibration.start', { ...choice, projectId: project.id })
      started()
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setStarting(false)
    }
  }

  if (browsing) {
    return (
      <div className={classes.form}>
        <FolderBrowser
          wanted="text"
          folder={folder}
          looked={rememberFolder}
          choose={({ path }) => {
            setText(path)
            setBrowsing(false)
            return Promise.resolve()
          }}
        />
        <Button variant="default" className={classes.back} onClick={() => setBrowsing(false)}>
          Back
        </Button>
      </div>
    )
  }
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault()
        void start()
      }}
    >
      <p className={classes.words}>
        Reads a text through the checkpoint, forward and backward, and keeps the squared gradient of every weight.
        Cancelling pauses it: finished layers stay on the disk, and Retry goes on from them.
      </p>
      <TextChoice text={text} wikiText={wikiText} choose={setText} browse={() => setBrowsing(true)} />
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
        <NativeSelect
          label="Squared gradients"
          value={estimator}
          onChange={(event) => setEstimator(event.currentTarget.value === 'token' ? 'token' : 'sample')}
          data={[
            { value: 'sample', label: 'of whole sequences, as in the paper' },
            { value: 'token', label: 'of single tokens, summed' },
          ]}
        />
        <NativeSelect
          label="Device"
          value={device}
          onChange={(event) => setDevice(event.currentTarget.value)}
          data={deviceChoices(machine)}
        />
      </div>
      <ForecastPanel forecast={forecast.value} error={forecast.error} fresh={forecast.fresh} />
      {error && <Failure error={error} />}
      <Button
        type="submit"
        loading={starting}
        disabled={!whole || (blocked && forecast.fresh)}
        className={classes.submit}
      >
        Calibrate
      </Button>
    </form>
  )
}

function deviceChoices(machine: Machine | undefined) {
  const able = (machine?.devices ?? []).filter(
    ({ available, requests }) => available && (requests === undefined || requests.includes('calibration.start')),
  )
  return [
    { value: '', label: 'as in Settings' },
    ...able.map(({ id, name }) => ({ value: id, label: `${id}: ${name}` })),
  ]
}
