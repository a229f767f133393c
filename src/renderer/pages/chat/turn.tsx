import { memo } from 'react'
import type { ChatTurn, Project } from '../../../shared/contract/studio/index.ts'
import { Panel } from '../../ui/section.tsx'
import { Answer } from './answer.tsx'
import { modelWords } from './models.ts'
import classes from './chat-page.module.css'

/** A prompt and both answers to it. */
export const Turn = memo(function Turn({ turn, project }: { turn: ChatTurn; project: Project }) {
  const { temperature, seed } = turn.sampling
  const drawn = temperature === 0 ? 'greedy' : `temperature ${temperature}, seed ${seed}`
  return (
    <article className={classes.turn} aria-label={`Prompt: ${turn.prompt.slice(0, 80)}`}>
      <header className={classes.asked}>
        <h2 className={classes.prompt}>{turn.prompt}</h2>
        <span className={classes.drawn}>
          {drawn}
          {turn.form === 'text' && ', text carried on'}
        </span>
      </header>
      <Panel>
        <div className={classes.answers}>
          {turn.models.map((model, column) => (
            <Answer key={column} turn={turn} column={column} name={modelWords(project, model)} />
          ))}
        </div>
      </Panel>
    </article>
  )
})
