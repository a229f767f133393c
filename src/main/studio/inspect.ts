import type { ErrorInfo } from '../../shared/contract/errors.ts'
import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import { upsertProject } from '../db/index.ts'
import { loadTokenizer } from '../text/index.ts'
import type { Context } from './context.ts'
import { openModel } from './model.ts'
import { stored, type RunOptions } from './recording.ts'

export type TokenizerFacts = { source: string; vocabularySize: number; chatTemplate: boolean }

export type Inspection = {
  checkpoint: CheckpointInspectResult
  tokenizer?: TokenizerFacts
  /** Why text cannot be used with this checkpoint, when it cannot. */
  tokenizerProblem?: ErrorInfo
  /** Slug of the project, where it was recorded. */
  project?: string
}

export async function inspect(context: Context, path: string, options: RunOptions = {}): Promise<Inspection> {
  const { inspection, project } = await openModel(context, path, options)
  const tokenizer = await tokenizerFacts(inspection.path)
  if (project && inspection.kind === 'dense' && 'facts' in tokenizer) {
    const words = describeTokenizer(tokenizer.facts)
    stored(() =>
      upsertProject(context.database(), { inspection, tokenizer: words, name: project.name, now: Date.now() }),
    )
  }
  return {
    checkpoint: inspection,
    ...('facts' in tokenizer ? { tokenizer: tokenizer.facts } : { tokenizerProblem: tokenizer.problem }),
    ...(project ? { project: project.slug } : {}),
  }
}

async function tokenizerFacts(folder: string): Promise<{ facts: TokenizerFacts } | { problem: ErrorInfo }> {
  try {
    const { source, vocabularySize, hasChatTemplate } = await loadTokenizer(folder)
    return { facts: { source, vocabularySize, chatTemplate: hasChatTemplate } }
  } catch (error) {
    return { problem: toErrorInfo(error) }
  }
}

function describeTokenizer(facts: TokenizerFacts): string {
  const template = facts.chatTemplate ? 'with a chat template' : 'without a chat template'
  return `${facts.source}, ${facts.vocabularySize} tokens, ${template}`
}
