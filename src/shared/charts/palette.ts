/** Colours of what is drawn, by the names of their variables: of pages, of pictures and of reports. */
export type Palette = Readonly<Record<string, string>>

export const LIGHT: Palette = {
  '--mantine-color-text': '#14181d',
  '--mantine-color-dimmed': '#5a6472',
  '--panel': '#ffffff',
  '--line': '#e3e6ea',
  '--line-strong': '#c6ccd4',
  '--accent': '#0f766e',
  '--series-checkpoint': '#8a96a6',
  '--series-squeezellm': '#0f766e',
  '--series-rtn': '#b45309',
  '--series-other': '#6d5bb5',
  '--width-2': '#b91c1c',
  '--width-3': '#0f766e',
  '--width-4': '#1d4ed8',
  '--width-5': '#7c3aed',
  '--width-6': '#a16207',
  '--width-7': '#be185d',
  '--width-8': '#475569',
  '--warn': '#92580a',
}

export const DARK: Palette = {
  '--mantine-color-text': '#e4e8ed',
  '--mantine-color-dimmed': '#97a1af',
  '--panel': '#161a20',
  '--line': '#252b34',
  '--line-strong': '#3b4452',
  '--accent': '#3fbfae',
  '--series-checkpoint': '#6b7686',
  '--series-squeezellm': '#3fbfae',
  '--series-rtn': '#f0a347',
  '--series-other': '#a99bf0',
  '--width-2': '#f87171',
  '--width-3': '#3fbfae',
  '--width-4': '#7aa7ff',
  '--width-5': '#b794f6',
  '--width-6': '#e0b04a',
  '--width-7': '#f08cc0',
  '--width-8': '#a3b1c2',
  '--warn': '#e8b04b',
}

export const TEXT = 'var(--mantine-color-text)'
export const DIMMED = 'var(--mantine-color-dimmed)'
export const PANEL = 'var(--panel)'
export const LINE = 'var(--line)'
export const LINE_STRONG = 'var(--line-strong)'
export const ACCENT = 'var(--accent)'

/** Colours of widths, apart for those who see few colours too; a label at the curve says the same in words. */
export function widthColor(bits: number): string {
  return bits >= 2 && bits <= 8 ? `var(--width-${bits})` : DIMMED
}
