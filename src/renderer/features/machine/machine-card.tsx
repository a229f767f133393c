import { Skeleton } from '@mantine/core'
import { useEffect } from 'react'
import type { Machine } from '../../../shared/contract/studio/index.ts'
import { loadMachine, useMachine } from '../../stores/machine.ts'
import { Ago } from '../../ui/data-table.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { figure, size } from '../../ui/units.ts'
import { useNow } from '../../ui/use-now.ts'
import { Failure } from '../failure.tsx'
import { deviceWords } from './device-words.ts'
import classes from './machine-card.module.css'

/** This machine at a glance. */
export function MachineCard() {
  useEffect(loadMachine, [])
  const { value, error } = useMachine()
  return (
    <Section title="This machine" note={value?.hostname}>
      {value ? (
        <Panel padded>{<Glance machine={value} />}</Panel>
      ) : error ? (
        <Failure error={error} />
      ) : (
        <Skeleton height={190} radius={10} />
      )}
    </Section>
  )
}

function Glance({ machine }: { machine: Machine }) {
  const { versions } = machine
  const others = machine.devices.filter(({ id }) => id !== 'cpu')
  const facts = [
    { name: 'Processor', value: machine.cpu },
    { name: 'Cores', value: String(machine.cores) },
    ...(machine.isa.length > 0 ? [{ name: 'Instructions', value: machine.isa.join(', ') }] : []),
    { name: 'Memory', value: `${size(machine.memoryBytes)}, ${size(machine.freeMemoryBytes)} free` },
    { name: 'Reads memory at', value: <Bandwidth measured={machine.readBandwidth} /> },
    ...others.map((device) => ({
      name: device.id,
      value: deviceWords(device),
    })),
    { name: 'System', value: machine.platform },
    { name: 'Studio', value: [versions['studio'], versions['gemm']].filter(Boolean).join(', ') },
  ]
  return (
    <>
      <Facts facts={facts} />
      {machine.sidecarProblem && <p className={classes.problem}>{machine.sidecarProblem}</p>}
    </>
  )
}

function Bandwidth({ measured }: { measured: Machine['readBandwidth'] }) {
  const nowMs = useNow()
  if (!measured) return 'not measured yet; a speed measurement does'
  const { gigabytesPerSecond, threads, measuredAtMs } = measured
  return (
    <>
      {figure(gigabytesPerSecond)} GB/s with {threads} {threads === 1 ? 'thread' : 'threads'}, measured{' '}
      <Ago thenMs={measuredAtMs} nowMs={nowMs} />
    </>
  )
}
