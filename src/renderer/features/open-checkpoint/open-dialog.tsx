import { Modal } from '@mantine/core'
import { Browser } from './browser.tsx'
import classes from './open-dialog.module.css'

/** Finds a checkpoint on the machine of the studio and opens it. What fails is said inside; the dialog stays. */
export function OpenDialog({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Open a checkpoint"
      size="46rem"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
      classNames={{ title: classes.title, content: classes.content, header: classes.header }}
    >
      <Browser />
    </Modal>
  )
}
