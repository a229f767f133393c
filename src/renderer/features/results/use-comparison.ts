import { useState } from 'react'
import type { Project, Stamp } from '../../../shared/contract/studio/index.ts'
import { compareOn, stampsOf, type Comparison } from './comparison.ts'

export type Choice = {
  stamps: { stamp: Stamp; models: number }[]
  comparison: Comparison
  choose: (key: string) => void
}

/** The comparison in sight. Which stamp it has is a passing choice: the one that covers most models unless chosen. */
export function useComparison(project: Project): Choice {
  const stamps = stampsOf(project.evaluations)
  const [wanted, choose] = useState<string>()
  const chosen = stamps.find(({ stamp }) => stamp.key === wanted) ?? stamps[0]
  return { stamps, comparison: compareOn(project, chosen?.stamp.key), choose }
}
