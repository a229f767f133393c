/** Colours of widths, apart for those who see few colours too; the label at the curve says the same in words. */
const COLORS: Record<number, string> = {
  2: 'var(--width-2)',
  3: 'var(--width-3)',
  4: 'var(--width-4)',
  5: 'var(--width-5)',
  6: 'var(--width-6)',
  7: 'var(--width-7)',
  8: 'var(--width-8)',
}

export function widthColor(bits: number): string {
  return COLORS[bits] ?? 'var(--mantine-color-dimmed)'
}
