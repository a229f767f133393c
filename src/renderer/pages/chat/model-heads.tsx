import { NativeSelect } from '@mantine/core'
import type { ChatModel, ChatSettings, Project } from '../../../shared/contract/studio/index.ts'
import { choose } from '../../stores/chat.ts'
import { bits } from '../../ui/units.ts'
import { modelWords } from './models.ts'
import classes from './chat-page.module.css'

const CHECKPOINT = 'checkpoint'

/** Which two models answer. */
export function ModelHeads({ project, models }: { project: Project; models: ChatSettings['models'] }) {
  const data = [
    { value: CHECKPOINT, label: modelWords(project, {}) },
    ...project.results.map((result) => ({
      value: String(result.id),
      label: `${modelWords(project, { resultId: result.id })}, ${bits(result.bitsPerWeight)} bits per weight${result.found ? '' : ', folder is gone'}`,
      disabled: !result.found,
    })),
  ]
  const change = (column: number, value: string) => {
    const model: ChatModel = value === CHECKPOINT ? {} : { resultId: Number(value) }
    choose({ models: models.map((known, index) => (index === column ? model : known)) as ChatSettings['models'] })
  }
  return (
    <div className={classes.pair}>
      {['Left model', 'Right model'].map((label, column) => (
        <NativeSelect
          key={label}
          label={label}
          value={String(models[column]?.resultId ?? CHECKPOINT)}
          onChange={(event) => change(column, event.currentTarget.value)}
          data={data}
        />
      ))}
    </div>
  )
}
