import type { Page } from '@playwright/test'

/** A file or folder of this name over the page, as the system drags one: `drop` lets it go. */
export async function dragOver(page: Page, name: string, event: 'dragenter' | 'drop' = 'dragenter'): Promise<void> {
  await page.evaluate(
    ([dragged, type]) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([], dragged))
      window.dispatchEvent(new DragEvent(type, { dataTransfer, cancelable: true }))
    },
    [name, event] as const,
  )
}
