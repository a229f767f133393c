import { NativeSelect, Text } from '@mantine/core'
import type { Stamp } from '../../../shared/contract/studio/index.ts'
import { stampWords } from './comparison.ts'

type Props = {
  stamps: { stamp: Stamp; models: number }[]
  chosen: string | undefined
  choose: (key: string) => void
}

/** How the perplexities in sight were measured; a choice where a project knows several ways. */
export function StampPicker({ stamps, chosen, choose }: Props) {
  const only = stamps.length === 1 ? stamps[0] : undefined
  if (only) return <Text className="unit" size="sm">{`Perplexity on ${stampWords(only.stamp)}`}</Text>
  if (stamps.length === 0) return null
  return (
    <NativeSelect
      size="xs"
      aria-label="How perplexity was measured"
      value={chosen}
      onChange={(event) => choose(event.currentTarget.value)}
      data={stamps.map(({ stamp, models }) => ({
        value: stamp.key,
        label: `${stampWords(stamp)} (${models} ${models === 1 ? 'model' : 'models'})`,
      }))}
    />
  )
}
