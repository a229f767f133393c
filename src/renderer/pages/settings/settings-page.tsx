import { Skeleton } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useEffect } from 'react'
import type { Machine, SettingsInSight } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { deviceWords } from '../../features/machine/device-words.ts'
import { useMachine } from '../../stores/machine.ts'
import { loadSettings, useSettings } from '../../stores/settings.ts'
import { CopyButton } from '../../ui/command.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { ThemeChoice } from '../../ui/theme-switch.tsx'
import { size } from '../../ui/units.ts'
import { ComputingForm } from './computing-form.tsx'
import classes from './settings-page.module.css'

/** As the studio computes where nobody has chosen. */
const USUAL = { threads: 0, device: 'auto', memory: 'auto' }

export function SettingsPage() {
  useDocumentTitle('Settings · Squeeze Studio')
  useEffect(loadSettings, [])
  const { value, error } = useSettings()
  const machine = useMachine()
  // A file that cannot be read is mended by saving over it.
  const settings = value?.settings ?? (error?.code === 'file-malformed' ? USUAL : undefined)
  return (
    <div className={classes.page}>
      <h1 className={classes.title}>Settings</h1>
      {error && <Failure error={error} retry={loadSettings} />}
      <Section title="Appearance" note="kept in this browser">
        <Panel padded>
          <ThemeChoice />
        </Panel>
      </Section>
      <Section
        title="Computing"
        note="of the jobs that are started from the page; the command line has its own options"
      >
        <Panel padded>
          {settings ? (
            <ComputingForm key={JSON.stringify(settings)} settings={settings} machine={machine.value} />
          ) : (
            <Skeleton height={96} radius={8} />
          )}
        </Panel>
      </Section>
      <Section title="Devices" note={machine.value?.hostname}>
        <Panel padded>
          {machine.value ? (
            <Devices machine={machine.value} />
          ) : machine.error ? (
            <Failure error={machine.error} />
          ) : (
            <Skeleton height={64} radius={8} />
          )}
        </Panel>
      </Section>
      {value && (
        <Section title="Folders" note="another one is chosen with --home or SQUEEZE_HOME when the studio starts">
          <Panel padded>
            <Folders paths={value.paths} />
          </Panel>
        </Section>
      )}
      {machine.value && (
        <Section title="Versions">
          <Panel padded>
            <Facts
              facts={Object.entries(machine.value.versions).map(([name, version]) => versionFact(name, version))}
            />
          </Panel>
        </Section>
      )}
    </div>
  )
}

function Devices({ machine }: { machine: Machine }) {
  const { devices, cpu, cores, isa, memoryBytes, sidecarProblem } = machine
  const processor = {
    name: 'cpu',
    value: [cpu, `${cores} cores`, isa.join(' '), size(memoryBytes)].filter(Boolean).join(', '),
  }
  const others = devices.filter(({ id }) => id !== 'cpu')
  return (
    <>
      <Facts
        facts={[
          processor,
          ...others.map((device) => ({
            name: device.id,
            value: <span className={device.available ? undefined : classes.missing}>{deviceWords(device)}</span>,
          })),
        ]}
      />
      {sidecarProblem && <p>{sidecarProblem}</p>}
    </>
  )
}

const PLACES: Record<keyof SettingsInSight['paths'], string> = {
  home: 'Studio',
  projects: 'Calibrations and results',
  database: 'Database',
  log: 'Log of the sidecar',
  settings: 'These settings',
}

function Folders({ paths }: { paths: SettingsInSight['paths'] }) {
  const names = Object.keys(PLACES) as (keyof typeof PLACES)[]
  return (
    <Facts
      facts={names.map((name) => ({
        name: PLACES[name],
        value: (
          <span className={classes.path}>
            {paths[name]}
            <CopyButton text={paths[name]} label={`Copy path: ${PLACES[name].toLowerCase()}`} />
          </span>
        ),
      }))}
    />
  )
}

const PROGRAMS: Record<string, string> = {
  studio: 'Squeeze Studio',
  node: 'Node',
  sidecar: 'Sidecar',
  compiler: 'Built with',
  gemm: 'Matrix products',
}

function versionFact(name: string, version: string) {
  return { name: PROGRAMS[name] ?? name, value: version }
}
