import { useCallback } from 'react'
import type { Size } from '../../../shared/charts/frame.ts'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import type { Upright } from '../../../shared/sweep/chart-parts.ts'
import type { RecipeCost } from '../../../shared/sweep/error-table.ts'
import { frontChart } from '../../../shared/sweep/front-chart.ts'
import type { Forecast, Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { frontRecords } from '../../../shared/sweep/records.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { Chart } from '../charts/chart.tsx'
import { SaveMenu } from '../export/save-menu.tsx'
import { CHART_PX, PICTURE } from './sizes.ts'
import { Key } from './key.tsx'

type Props = {
  project: Project
  outlook: Outlook
  upright: Upright
  reach: readonly RecipeCost[]
  chosen: { recipe: Recipe; forecast: Forecast } | undefined
  budget: number | undefined
  choose: (recipe: Recipe) => void
}

/** Size against perplexity: what was measured, its front, and what a budget is foretold to reach. */
export function FrontPanel({ project, outlook, upright, reach, chosen, budget, choose }: Props) {
  const draw = useCallback(
    (size: Size) => frontChart({ ...size, outlook, upright, reach, chosen, budget }),
    [outlook, upright, reach, chosen, budget],
  )
  return (
    <Section
      title="Size against perplexity"
      note="lower left is better"
      actions={
        <SaveMenu
          what="size chart"
          name={`${project.name}-size-perplexity`}
          picture={() => draw(PICTURE).scene}
          records={() => frontRecords(outlook, reach)}
        />
      }
    >
      <Panel padded>
        <Chart height={CHART_PX} draw={draw} chosen={chosen && recipeKey(chosen.recipe)} choose={choose} />
        <Key entries={['measured', 'mixed', 'front', 'reach', 'chosen']} />
      </Panel>
    </Section>
  )
}
