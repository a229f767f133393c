import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'

type Props = {
  title: string
  opened: boolean
  close: () => void
  /** Width: md 27.5 rem, lg 38.75 rem, xl 48.75 rem. */
  size?: 'md' | 'lg' | 'xl'
  children: ReactNode
}

/** Something that is asked before the page goes on. Escape and a click beside it close it. */
export function Dialog({ title, opened, close, size = 'lg', children }: Props) {
  return (
    <Modal.Root opened={opened} onClose={close} size={size}>
      <Modal.Overlay />
      <Modal.Content>
        {/* Mantine's header element would be a second banner of the page. */}
        <Modal.Header role="presentation">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
