import type { ChatList, ChatModel, ChatSettings, Project } from '../../../shared/contract/studio/index.ts'
import { methodWords, recipeBrief } from '../../features/results/recipe-words.ts'

/** What is asked for unless the person says otherwise: the checkpoint beside its newest result. */
export function usualSettings(project: Project, list: ChatList): ChatSettings {
  const newest = project.results.find(({ found }) => found)
  return {
    models: [{}, newest ? { resultId: newest.id } : {}],
    form: list.hasTemplate ? 'template' : 'text',
    sampling: { temperature: 0.7, topK: 0, topP: 0.95, minP: 0, repetitionPenalty: 1, seed: 1 },
    maxTokens: Math.min(256, project.checkpoint.contextLength),
  }
}

/** The settings as they hold: what was chosen, but no model that is gone. */
export function settingsOf(project: Project, list: ChatList, chosen: Partial<ChatSettings>): ChatSettings {
  const settings = { ...usualSettings(project, list), ...chosen }
  const models = settings.models.map((model) =>
    project.results.some(({ id }) => id === model.resultId) ? model : {},
  ) as ChatSettings['models']
  return { ...settings, models, form: list.hasTemplate ? settings.form : 'text' }
}

/** "Checkpoint, F16" or "SqueezeLLM 3-bit + 0.45 %" */
export function modelWords(project: Project, { resultId }: ChatModel): string {
  if (resultId === undefined) return `Checkpoint, ${project.checkpoint.dtype}`
  const result = project.results.find(({ id }) => id === resultId)
  return result ? `${methodWords(result.recipe)} ${recipeBrief(result.recipe)}` : 'A result that is gone'
}
