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
    '--mantine-color-body': '#f7f8f9',
    '--mantine-color-text': '#14181d',
    '--mantine-color-dimmed': '#5a6472',
    '--panel': '#ffffff',
    '--line': '#e3e6ea',
    '--line-strong': '#c6ccd4',
    '--track': '#e9ecef',
    '--accent': '#0f766e',
    '--accent-soft': '#d9efec',
    '--series-squeezellm': '#0f766e',
    '--series-rtn': '#b45309',
    '--series-other': '#6d5bb5',
    '--bad': '#b42318',
    '--warn': '#92580a',
    '--part-1': '#0f766e',
    '--part-2': '#5fb5aa',
    '--part-3': '#8a96a6',
    '--part-4': '#c4ccd6',
  },
  dark: {
    '--mantine-color-body': '#0f1216',
    '--mantine-color-text': '#e4e8ed',
    '--mantine-color-dimmed': '#97a1af',
    '--panel': '#161a20',
    '--line': '#252b34',
    '--line-strong': '#3b4452',
    '--track': '#252b34',
    '--accent': '#3fbfae',
    '--accent-soft': '#143632',
    '--series-squeezellm': '#3fbfae',
    '--series-rtn': '#f0a347',
    '--series-other': '#a99bf0',
    '--bad': '#ff8a7a',
    '--warn': '#e8b04b',
    '--part-1': '#3fbfae',
    '--part-2': '#1f7d73',
    '--part-3': '#6b7686',
    '--part-4': '#3b4452',
  },
})
