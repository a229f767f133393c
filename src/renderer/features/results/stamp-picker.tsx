import { NativeSelect } from '@mantine/core'
import { stampWords } from './comparison.ts'
import type { Choice } from './use-comparison.ts'

/** How the perplexities in sight were measured; a choice where a project knows several ways. */
export function StampPicker({ stamps, comparison, choose }: Choice) {
  if (stamps.length === 0) return null
  if (stamps.length === 1 && comparison.stamp) return <>perplexity on {stampWords(comparison.stamp)}</>
  return (
    <NativeSelect
      size="xs"
      aria-label="How perplexity was measured"
      value={comparison.stamp?.key}
      onChange={(event) => choose(event.currentTarget.value)}
      data={stamps.map(({ stamp, models }) => ({
        value: stamp.key,
        label: `perplexity on ${stampWords(stamp)} (${models} measured)`,
      }))}
    />
  )
}
