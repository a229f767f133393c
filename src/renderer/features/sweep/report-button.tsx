import { Button } from '@mantine/core'
import type { Project, SweepState } from '../../../shared/contract/studio/index.ts'
import type { Outlook } from '../../../shared/sweep/outlook.ts'
import { useMachine } from '../../stores/machine.ts'
import { useSweepChoices } from '../../stores/sweep.ts'
import { download } from '../../ui/download.ts'
import { Failure } from '../failure.tsx'
import { useAttempt } from '../use-attempt.ts'

type Props = { project: Project; state: SweepState; outlook: Outlook }

/** Saves the whole sweep as a page that stands alone. */
export function ReportButton({ project, state, outlook }: Props) {
  const version = useMachine(({ value }) => value?.versions.studio)
  const { attempt, error } = useAttempt()
  const calibration = project.calibrations.find(({ id }) => id === state.calibrationId)

  async function save() {
    if (!calibration) return
    // Nobody needs it before it is asked for.
    const { sweepReport } = await import('../../../shared/sweep/report.ts')
    const { choices } = useSweepChoices.getState()
    const about = { project, calibration, stamp: state.stamp, outlook, choices }
    const text = sweepReport({ ...about, version: version ?? '', madeAtMs: Date.now() })
    download(`${project.name}-sweep.html`, new Blob([text], { type: 'text/html' }))
  }

  return (
    <>
      {error && <Failure error={error} />}
      <Button size="compact-xs" variant="default" disabled={!calibration} onClick={() => attempt(save)}>
        Save report
      </Button>
    </>
  )
}
