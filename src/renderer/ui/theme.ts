import { DARK, LIGHT } from '../../shared/charts/palette.ts'
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

/** Petrol: the one accent. Shades 7 on white and 3 on the dark ground keep 4.5:1 for text. */
const petrol: MantineColorsTuple = [
  '#eefaf8',
  '#d5f2ed',
  '#a9e4db',
  '#6fd3c5',
  '#3fbfae',
  '#22a596',
  '#158a7e',
  '#0f766e',
  '#0d5f59',
  '#0a4a46',
]

/** Greys with a breath of blue, so that dark is calm and not black. */
const dark: MantineColorsTuple = [
  '#dfe3e8',
  '#c3c9d1',
  '#a4acb8',
  '#7b8594',
  '#4d5664',
  '#353c48',
  '#262c36',
  '#1a1f27',
  '#13171d',
  '#0d1014',
]

export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Code', 'DejaVu Sans Mono', monospace",
  headings: { fontWeight: '600' },
  colors: { petrol, dark },
  primaryColor: 'petrol',
  primaryShade: 7,
  autoContrast: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
})

/** What Mantine has no name for. Everything drawn takes its colour from here. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...LIGHT,
    '--mantine-color-body': '#f7f8f9',
    '--track': '#e9ecef',
    '--accent-soft': '#d9efec',
    '--bad': '#b42318',
    '--part-1': '#0f766e',
    '--part-2': '#5fb5aa',
    '--part-3': '#8a96a6',
    '--part-4': '#c4ccd6',
  },
  dark: {
    ...DARK,
    '--mantine-color-body': '#0f1216',
    '--track': '#252b34',
    '--accent-soft': '#143632',
    '--bad': '#ff8a7a',
    '--part-1': '#3fbfae',
    '--part-2': '#1f7d73',
    '--part-3': '#6b7686',
    '--part-4': '#3b4452',
  },
})
