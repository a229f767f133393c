import { stampFields } from '../../../shared/export/stamp-fields.ts'
import type { TableRecord } from '../../../shared/export/table-text.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { PAPER_FIELDS } from '../../../shared/recipe/beyond-paper.ts'
import type { Speeds } from './use-speeds.ts'
import { perplexityChange, type Comparison } from './comparison.ts'

/** One line a model, the checkpoint first. Sizes are bytes, changes and shares fractions, KL divergences nats per token. */
export function tableRecords(
  { name, checkpoint }: Pick<Project, 'name' | 'checkpoint'>,
  { stamp, before, rows }: Comparison,
  speeds: Speeds,
): TableRecord[] {
  const measured = stampFields(stamp)
  return [
    {
      project: name,
      model: 'checkpoint',
      bits: null,
      sparsity: null,
      outliers: null,
      solver: null,
      weighting: null,
      group: null,
      share: null,
      embeddingBits: null,
      headBits: null,
      refine: null,
      bitsPerWeight: checkpoint.bitsPerWeight,
      sizeBytes: checkpoint.sizeBytes,
      perplexity: before ?? null,
      perplexityChange: null,
      klMean: null,
      top1Agreement: null,
      diverged: null,
      ...measured,
      tokensPerSecond: speeds.of(undefined) ?? null,
      speedSetup: speeds.setup ?? null,
      madeAt: null,
      path: checkpoint.path,
      fingerprint: checkpoint.fingerprint,
    },
    ...rows.map(({ result, evaluation }) => ({
      project: name,
      model: result.recipe.method,
      bits: result.recipe.bits,
      sparsity: result.recipe.sparsity,
      outliers: result.recipe.outliers,
      solver: result.recipe.solver,
      weighting: result.recipe.weighting,
      group: result.recipe.group ?? PAPER_FIELDS.group,
      share: result.recipe.share ?? PAPER_FIELDS.share,
      embeddingBits: result.recipe.embeddingBits ?? PAPER_FIELDS.embeddingBits,
      headBits: result.recipe.headBits ?? PAPER_FIELDS.headBits,
      refine: result.recipe.refine ?? PAPER_FIELDS.refine,
      bitsPerWeight: result.bitsPerWeight,
      sizeBytes: result.sizeBytes,
      perplexity: evaluation?.perplexity ?? null,
      perplexityChange: perplexityChange(before, evaluation?.perplexity) ?? null,
      klMean: evaluation?.klMean ?? null,
      top1Agreement: evaluation?.top1Agreement ?? null,
      diverged: evaluation?.diverged ?? null,
      ...measured,
      tokensPerSecond: speeds.of(result.id) ?? null,
      speedSetup: speeds.setup ?? null,
      madeAt: new Date(result.createdAtMs).toISOString(),
      path: result.path,
      fingerprint: result.fingerprint,
    })),
  ]
}
