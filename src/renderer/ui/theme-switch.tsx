import { ActionIcon, Menu, SegmentedControl, useMantineColorScheme, type MantineColorScheme } from '@mantine/core'
import type { ReactNode } from 'react'
import { MoonIcon, ScreenIcon, SunIcon } from './icons.tsx'

export const SCHEMES: { scheme: MantineColorScheme; words: string; icon: ReactNode }[] = [
  { scheme: 'light', words: 'Light', icon: <SunIcon /> },
  { scheme: 'dark', words: 'Dark', icon: <MoonIcon /> },
  { scheme: 'auto', words: 'As the system', icon: <ScreenIcon /> },
]

/** Light, dark, or as the system has it; kept in the browser's local storage. */
export function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const current = SCHEMES.find(({ scheme }) => scheme === colorScheme) ?? SCHEMES[0]
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Theme: ${current?.words.toLowerCase()}`}>
          {current?.icon}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)}>
          {SCHEMES.map(({ scheme, words, icon }) => (
            <Menu.RadioItem key={scheme} value={scheme} rightSection={icon}>
              {words}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  )
}

/** The same with all choices in sight. */
export function ThemeChoice() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <SegmentedControl
      aria-label="Theme"
      value={colorScheme}
      onChange={setColorScheme}
      data={SCHEMES.map(({ scheme, words }) => ({ value: scheme, label: words }))}
    />
  )
}
