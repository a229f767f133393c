import { NativeSelect } from '@mantine/core'
import { setupWords, type Setup } from './measurements.ts'

type Props = { setups: Setup[]; chosen: Setup; choose: (key: string) => void }

/** How the speeds in sight were measured; a choice where a project knows several ways. */
export function SetupPicker({ setups, chosen, choose }: Props) {
  if (setups.length === 1) return <>{setupWords(chosen.sample)}</>
  return (
    <NativeSelect
      size="xs"
      aria-label="How speed was measured"
      value={chosen.key}
      onChange={(event) => choose(event.currentTarget.value)}
      data={setups.map(({ key, sample, models }) => ({
        value: key,
        label: `${setupWords(sample)} (${models} measured)`,
      }))}
    />
  )
}
