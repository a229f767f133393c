import { SegmentedControl } from '@mantine/core'
import { memo, useCallback, useState } from 'react'
import type { Size } from '../../../shared/charts/frame.ts'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project, SweepChoices, SweepState } from '../../../shared/contract/studio/index.ts'
import { BASE, type Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { curveRecords } from '../../../shared/sweep/records.ts'
import { sparsityChart } from '../../../shared/sweep/sparsity-chart.ts'
import { changeSweepChoices } from '../../stores/sweep.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { exact } from '../../ui/units.ts'
import { Chart } from '../charts/chart.tsx'
import { SaveMenu } from '../export/save-menu.tsx'
import { CHART_PX, PICTURE } from './sizes.ts'
import { Key } from './key.tsx'

type Props = Pick<SweepChoices, 'mode' | 'bits' | 'sparsity' | 'axis'> & {
  project: Project
  state: SweepState
  outlook: Outlook
  choose: (recipe: Recipe) => void
}

/** Perplexity against sparsity, a curve for each width; the one pointed at or chosen stands out with its band. */
export const SparsityPanel = memo(function SparsityPanel(props: Props) {
  const { project, state, outlook, mode, bits, sparsity, axis, choose } = props
  const [pointed, point] = useState<number>()
  const chosen: Recipe | undefined = mode === 'alike' ? { ...BASE, bits, sparsity } : undefined
  const key = chosen && recipeKey(chosen)
  const loud = pointed ?? chosen?.bits
  const draw = useCallback(
    (size: Size) =>
      sparsityChart({
        ...size,
        outlook,
        upright: axis,
        bits: loud,
        ...(mode === 'alike' ? { chosen: { ...BASE, bits, sparsity } } : {}),
      }),
    [outlook, axis, loud, mode, bits, sparsity],
  )
  return (
    <Section
      title="Sparsity against perplexity"
      note={
        state.stamp
          ? `measured on ${exact(state.stamp.tokens)} tokens of ${state.stamp.textName}`
          : 'nothing measured yet'
      }
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="What stands upright"
            value={axis}
            onChange={(value) => changeSweepChoices({ axis: value === 'rise' ? 'rise' : 'perplexity' })}
            data={[
              { value: 'perplexity', label: 'Perplexity' },
              { value: 'rise', label: 'Rise over the checkpoint' },
            ]}
          />
          <SaveMenu
            what="sparsity chart"
            name={`${project.name}-sparsity-perplexity`}
            picture={() => draw(PICTURE).scene}
            records={() => curveRecords(outlook)}
          />
        </>
      }
    >
      <Panel padded>
        <Chart
          height={CHART_PX}
          draw={draw}
          chosen={key}
          choose={choose}
          pointed={(target) => point(target ? target.value.bits : undefined)}
        />
        <Key entries={['measured', 'predicted', 'band', 'beyond', 'chosen']} />
      </Panel>
    </Section>
  )
})
