import { Button, NativeSelect, NumberInput } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { Machine, Settings } from '../../../shared/contract/studio/index.ts'
import { refusalInfo } from '../../bridge/index.ts'
import { Failure } from '../../features/failure.tsx'
import { saveSettings } from '../../stores/settings.ts'
import classes from './computing-form.module.css'

type Props = { settings: Settings; machine: Machine | undefined }

/** With what the jobs of the page compute. */
export function ComputingForm({ settings, machine }: Props) {
  const [device, setDevice] = useState(settings.device)
  const [threads, setThreads] = useState<string | number>(settings.threads || '')
  const [saving, setSaving] = useState(false)
  const [error, setError] = useState<ErrorInfo>()
  const cores = machine?.cores
  const chosen = { device, threads: Number(threads) }
  const changed = chosen.device !== settings.device || chosen.threads !== settings.threads

  async function save() {
    setSaving(true)
    setError(undefined)
    try {
      await saveSettings(chosen)
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setSaving(false)
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <div className={classes.form}>
        <NativeSelect
          label="Device"
          value={device}
          onChange={(event) => setDevice(event.currentTarget.value)}
          data={deviceChoices(machine, settings.device)}
        />
        <NumberInput
          label="Threads"
          placeholder={cores === undefined ? 'one for each core' : `${cores}, one for each core`}
          min={1}
          max={1024}
          allowDecimal={false}
          value={threads}
          onChange={setThreads}
        />
        <div className={classes.save}>
          <Button type="submit" loading={saving} disabled={!changed}>
            Save
          </Button>
          <span role="status">{changed ? '' : 'Saved'}</span>
        </div>
      </div>
      <p className={classes.words}>
        Counts for what is started from now on. Speeds measured with other threads are kept apart. An empty field takes
        as many threads as there are physical cores.
        {cores !== undefined && chosen.threads > cores && ` This machine has ${cores}; more threads make it slower.`}
      </p>
      {error && (
        <div className={classes.failure}>
          <Failure error={error} />
        </div>
      )}
    </form>
  )
}

/** What can be used; and what was chosen, even where it is gone. */
function deviceChoices(machine: Machine | undefined, kept: string) {
  const usable = (machine?.devices ?? []).filter(({ available }) => available)
  const choices = [
    { value: 'auto', label: 'automatic: the first GPU that works' },
    ...usable.map(({ id, name }) => ({ value: id, label: `${id}: ${name}` })),
  ]
  return choices.some(({ value }) => value === kept)
    ? choices
    : [...choices, { value: kept, label: machine ? `${kept}: not available now` : kept }]
}
