import { Table, Tooltip } from '@mantine/core'
import type { EvaluationSummary, Project } from '../../../shared/contract/studio/index.ts'
import { resultAddress, type Side } from '../../route.ts'
import { ModelMark } from '../benchmarks/model-name.tsx'
import { CopyButton } from '../../ui/command.tsx'
import { Ago, DataTable, FolderGone, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { bits, change, figure, nats, perplexity, ratio, share, size } from '../../ui/units.ts'
import { MUCH, perplexityChange, type Comparison, type Measured } from './comparison.ts'
import { resultName } from './names.ts'
import { NotMeasured } from './measurements-table.tsx'
import { methodWords, recipeBrief, recipeDetail } from './recipe-words.ts'
import type { Speeds } from './use-speeds.ts'
import classes from './results-table.module.css'

const COLUMNS: Column[] = [
  { name: 'Model', align: 'start' },
  { name: 'Bits', unit: 'per weight' },
  { name: 'Size', unit: 'on disk' },
  { name: 'Smaller', unit: 'than 16 bits' },
  { name: 'Perplexity', unit: 'before → after' },
  { name: 'Change' },
  { name: 'KL', unit: 'nats/token' },
  { name: 'Same', unit: 'top token' },
  { name: 'Speed', unit: 'tokens/s' },
  { name: 'Made' },
  { name: 'Folder', hidden: true },
]

type Props = {
  project: Project
  comparison: Comparison
  speeds: Speeds
  nowMs: number
  /** Those that are to be compared: two at most. */
  chosen: Side[]
  toggle: (side: Side) => void
}

/** The checkpoint, then each result: what it takes, what it lost, how fast it is. One stamp, one way of timing for all. */
export function ResultsTable({ project, comparison: { before, rows }, speeds, nowMs, chosen, toggle }: Props) {
  const { id: projectId, checkpoint } = project
  return (
    <DataTable label="Results" columns={COLUMNS} minWidth={1040}>
      <Table.Tr className={classes.reference}>
        <RowHead>
          <span className={classes.model}>
            <ModelMark result={undefined} />
            Checkpoint <span className={classes.recipe}>{checkpoint.dtype}</span>
            <Choose name="the checkpoint" checked={chosen.includes('checkpoint')} toggle={() => toggle('checkpoint')} />
          </span>
        </RowHead>
        <NumberCell>{bits(checkpoint.bitsPerWeight)}</NumberCell>
        <NumberCell>{size(checkpoint.sizeBytes)}</NumberCell>
        <NumberCell />
        <NumberCell>{before === undefined ? <NotMeasured /> : perplexity(before)}</NumberCell>
        <NumberCell />
        <NumberCell />
        <NumberCell />
        <SpeedCell speeds={speeds} />
        <NumberCell />
        <NumberCell>
          <CopyButton text={checkpoint.path} label="Copy path of the checkpoint" />
        </NumberCell>
      </Table.Tr>
      {rows.map((row) => (
        <ResultRow
          key={row.result.id}
          projectId={projectId}
          row={row}
          before={before}
          speeds={speeds}
          nowMs={nowMs}
          chosen={chosen.includes(row.result.id)}
          toggle={toggle}
        />
      ))}
    </DataTable>
  )
}

type RowProps = {
  projectId: number
  row: Measured
  before: number | undefined
  speeds: Speeds
  nowMs: number
  chosen: boolean
  toggle: (side: Side) => void
}

function ResultRow({ projectId, row: { result, evaluation }, before, speeds, nowMs, chosen, toggle }: RowProps) {
  const rise = perplexityChange(before, evaluation?.perplexity)
  const detail = recipeDetail(result.recipe)
  return (
    <Table.Tr>
      <RowHead>
        <Tooltip label={detail} disabled={detail === ''} openDelay={300} position="bottom-start">
          <span className={classes.model}>
            <ModelMark result={result} />
            <a className={classes.link} href={resultAddress(projectId, result.id)}>
              {methodWords(result.recipe)} <span className={classes.recipe}>{recipeBrief(result.recipe)}</span>
            </a>
            {!result.found && <FolderGone />}
            <Choose name={resultName(result)} checked={chosen} toggle={() => toggle(result.id)} />
          </span>
        </Tooltip>
      </RowHead>
      <NumberCell>{bits(result.bitsPerWeight)}</NumberCell>
      <NumberCell>{size(result.sizeBytes)}</NumberCell>
      <NumberCell>{result.fp16SizeBytes !== undefined && ratio(result.fp16SizeBytes / result.sizeBytes)}</NumberCell>
      <NumberCell>
        <BeforeAfter before={before} evaluation={evaluation} />
      </NumberCell>
      <NumberCell>
        {rise !== undefined && <span className={rise > MUCH ? classes.much : undefined}>{change(rise)}</span>}
      </NumberCell>
      <NumberCell>{evaluation?.klMean !== undefined && nats(evaluation.klMean)}</NumberCell>
      <NumberCell>{evaluation?.top1Agreement !== undefined && share(evaluation.top1Agreement)}</NumberCell>
      <SpeedCell speeds={speeds} resultId={result.id} />
      <NumberCell>
        <Ago thenMs={result.createdAtMs} nowMs={nowMs} />
      </NumberCell>
      <NumberCell>
        <CopyButton text={result.path} label={`Copy path of ${resultName(result)}`} />
      </NumberCell>
    </Table.Tr>
  )
}

/** How it was timed stands on hover. */
function SpeedCell({ speeds, resultId }: { speeds: Speeds; resultId?: number }) {
  const tokensPerSecond = speeds.of(resultId)
  return (
    <NumberCell>
      {tokensPerSecond !== undefined && <span title={speeds.setup}>{figure(tokensPerSecond)}</span>}
    </NumberCell>
  )
}

function Choose({ name, checked, toggle }: { name: string; checked: boolean; toggle: () => void }) {
  return (
    <input
      type="checkbox"
      className={classes.choose}
      aria-label={`Compare ${name}`}
      checked={checked}
      onChange={toggle}
    />
  )
}

function BeforeAfter({
  before,
  evaluation,
}: {
  before?: number | undefined
  evaluation?: EvaluationSummary | undefined
}) {
  if (evaluation?.diverged) return 'diverged'
  if (evaluation?.perplexity === undefined) return <NotMeasured />
  return (
    <>
      {before !== undefined && <span className="unit">{perplexity(before)} → </span>}
      {perplexity(evaluation.perplexity)}
    </>
  )
}
