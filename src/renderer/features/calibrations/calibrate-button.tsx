import { Button } from '@mantine/core'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { closeOverlay, showOverlay, useOverlay } from '../../stores/overlay.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { CalibrateForm } from './calibrate-form.tsx'

/** Begins a calibration: the text, how much of it, and what that will need. */
export function CalibrateButton({ project }: { project: Project }) {
  const opened = useOverlay(({ overlay }) => overlay === 'calibrate')
  return (
    <>
      <Button onClick={() => showOverlay('calibrate')} disabled={!project.checkpoint.found}>
        Calibrate…
      </Button>
      <Dialog title="Calibrate the checkpoint" opened={opened} close={closeOverlay}>
        <CalibrateForm project={project} started={closeOverlay} />
      </Dialog>
    </>
  )
}
