import { Button, NativeSelect, NumberInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { parseMemory } from '../../../shared/memory-limit.ts'
import type { Machine, Settings } from '../../../shared/contract/studio/index.ts'
import { refusalInfo } from '../../bridge/index.ts'
import { Failure } from '../../features/failure.tsx'
import { saveSettings } from '../../stores/settings.ts'
import { size } from '../../ui/units.ts'
import classes from './computing-form.module.css'

type Props = { settings: Settings; machine: Machine | undefined }

/** With what the jobs of the page compute. */
export function ComputingForm({ settings, machine }: Props) {
  const [device, setDevice] = useState(settings.device)
  const [threads, setThreads] = useState<string | number>(settings.threads || '')
  const [memory, setMemory] = useState(settings.memory === 'auto' ? '' : settings.memory)
  const [saving, setSaving] = useState(false)
  const [error, setError] = useState<ErrorInfo>()
  const cores = machine?.cores
  const chosen = { device, threads: Number(threads), memory: memory.trim() || 'auto' }
  const changed =
    chosen.device !== settings.device || chosen.threads !== settings.threads || chosen.memory !== settings.memory
  const limit = parseMemory(chosen.memory, machine?.memoryBytes ?? 1)

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
        <TextInput
          label="Memory limit"
          className={classes.memory}
          placeholder="automatic"
          maxLength={40}
          value={memory}
          onChange={(event) => setMemory(event.currentTarget.value)}
          error={limit === undefined}
        />
        <div className={classes.save}>
          <Button type="submit" loading={saving} disabled={!changed || limit === undefined}>
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
      <p className={classes.words}>
        The memory limit is an amount such as 8GB, or a share of the machine’s memory such as 50%. Calibrations keep
        within it: activations that find no room go to a scratch file. Sweeps and evaluations keep hidden states within
        half of it. Automatic: half of what is free for activations, 4.3&nbsp;GB for the hidden states of a sweep,
        1.1&nbsp;GB for an evaluation’s.
        {limit !== undefined &&
          limit > 0 &&
          machine &&
          ` ${chosen.memory} is ${size(limit)} of this machine’s ${size(machine.memoryBytes)}${limit > machine.memoryBytes ? ', more than there is' : ''}.`}
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
