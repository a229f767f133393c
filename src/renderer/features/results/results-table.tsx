import { Table, Tooltip } from '@mantine/core'
import type { EvaluationSummary, Project } from '../../../shared/contract/studio/index.ts'
import { resultAddress } from '../../route.ts'
import { CopyButton } from '../../ui/command.tsx'
import { Ago, DataTable, FolderGone, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { bits, change, nats, perplexity, ratio, share, size } from '../../ui/units.ts'
import { MUCH, perplexityChange, type Comparison, type Measured } from './comparison.ts'
import { NotMeasured } from './measurements-table.tsx'
import { methodWords, recipeBrief, recipeDetail, series } from './recipe-words.ts'
import classes from './results-table.module.css'

const COLUMNS: Column[] = [
  { name: 'Model', align: 'start' },
  { name: 'Bits', unit: 'per weight' },
  { name: 'Size', unit: 'on disk' },
  { name: 'Smaller', unit: 'than at 16 bits' },
  { name: 'Perplexity', unit: 'before → after' },
  { name: 'Change' },
  { name: 'KL', unit: 'nats/token' },
  { name: 'Same top token' },
  { name: 'Made' },
  { name: 'Folder', hidden: true },
]

type Props = { project: Project; comparison: Comparison; nowMs: number }

/** The checkpoint, then each result: what it takes and what it lost. One stamp for the whole table. */
export function ResultsTable({ project, comparison: { before, rows }, nowMs }: Props) {
  const { id: projectId, checkpoint } = project
  return (
    <DataTable label="Results" columns={COLUMNS} minWidth={960}>
      <Table.Tr className={classes.reference}>
        <RowHead>
          <span className={classes.model}>
            <span className={classes.dot} data-series="checkpoint" />
            Checkpoint <span className={classes.recipe}>{checkpoint.dtype}</span>
          </span>
        </RowHead>
        <NumberCell>{bits(checkpoint.bitsPerWeight)}</NumberCell>
        <NumberCell>{size(checkpoint.sizeBytes)}</NumberCell>
        <NumberCell />
        <NumberCell>{before === undefined ? <NotMeasured /> : perplexity(before)}</NumberCell>
        <NumberCell />
        <NumberCell />
        <NumberCell />
        <NumberCell />
        <NumberCell>
          <CopyButton text={checkpoint.path} label="Copy path of the checkpoint" />
        </NumberCell>
      </Table.Tr>
      {rows.map((row) => (
        <ResultRow key={row.result.id} projectId={projectId} row={row} before={before} nowMs={nowMs} />
      ))}
    </DataTable>
  )
}

type RowProps = { projectId: number; row: Measured; before: number | undefined; nowMs: number }

function ResultRow({ projectId, row: { result, evaluation }, before, nowMs }: RowProps) {
  const rise = perplexityChange(before, evaluation?.perplexity)
  const detail = recipeDetail(result.recipe)
  return (
    <Table.Tr>
      <RowHead>
        <Tooltip label={detail} disabled={detail === ''} openDelay={300} position="bottom-start">
          <span className={classes.model}>
            <span className={classes.dot} data-series={series(result.recipe)} />
            <a className={classes.link} href={resultAddress(projectId, result.id)}>
              {methodWords(result.recipe)} <span className={classes.recipe}>{recipeBrief(result.recipe)}</span>
            </a>
            {!result.found && <FolderGone />}
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
      <NumberCell>
        <Ago thenMs={result.createdAtMs} nowMs={nowMs} />
      </NumberCell>
      <NumberCell>
        <CopyButton
          text={result.path}
          label={`Copy path of ${methodWords(result.recipe)} ${recipeBrief(result.recipe)}`}
        />
      </NumberCell>
    </Table.Tr>
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
