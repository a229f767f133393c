import { Button } from '@mantine/core'
import { useState } from 'react'
import type { ChatAnswer, ChatTurn } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { duration, exact, nats } from '../../ui/units.ts'
import { fold } from './shading.ts'
import { TokenText } from './token-text.tsx'
import classes from './answer.module.css'

/** More tokens than this are never in the page at a time. */
const SHOWN_TOKENS = 1000

const STATES: Record<ChatAnswer['state'], string> = {
  waiting: 'Waits its turn',
  loading: 'Loading the model…',
  answering: 'Reading the prompt…',
  done: 'Said nothing',
  stopped: 'Stopped before the first token',
  failed: '',
}

const ENDS = { 'stop-token': 'ended by itself', length: 'cut at the most tokens', 'context-full': 'context is full' }

type Props = { turn: ChatTurn; column: number; name: string }

/** One model's answer with what is measured of it. */
export function Answer({ turn, column, name }: Props) {
  const [back, setBack] = useState(0)
  const answer = turn.answers[column] as ChatAnswer
  const { pieces, state, error } = answer
  const { start, end } = fold(pieces.length, back, SHOWN_TOKENS)
  const shaded = column === 1 && turn.divergence
  return (
    <div role="group" className={classes.answer} aria-label={`${column === 0 ? 'Left' : 'Right'} answer, ${name}`}>
      <h3 className={classes.name}>{name}</h3>
      {start > 0 && (
        <Button size="compact-xs" variant="subtle" onClick={() => setBack(back + 1)}>
          Show {exact(start)} earlier tokens
        </Button>
      )}
      {pieces.length === 0 && state !== 'failed' && <p className={classes.quiet}>{STATES[state]}</p>}
      {shaded ? (
        <TokenText pieces={pieces} divergence={shaded} start={start} end={end} firstDifference={turn.firstDifference} />
      ) : (
        <PlainText pieces={pieces} start={start} end={end} firstDifference={turn.firstDifference} />
      )}
      {end < pieces.length && (
        <Button size="compact-xs" variant="subtle" onClick={() => setBack(back - 1)}>
          Show {exact(pieces.length - end)} later tokens
        </Button>
      )}
      {error && <Failure error={error} />}
      <Figures turn={turn} answer={answer} column={column} />
    </div>
  )
}

type TextProps = { pieces: string[]; start: number; end: number; firstDifference: number | undefined }

function PlainText({ pieces, start, end, firstDifference }: TextProps) {
  if (start === end) return null
  const at = firstDifference !== undefined && firstDifference >= start && firstDifference < end ? firstDifference : end
  return (
    <p className={classes.text}>
      {pieces.slice(start, at).join('')}
      {at < end && <mark className={classes.differs}>{pieces[at]}</mark>}
      {pieces.slice(at + 1, end).join('')}
    </p>
  )
}

/** Speed under each answer; under the right one, what the comparison says as well. */
function Figures({ turn, answer, column }: { turn: ChatTurn; answer: ChatAnswer; column: number }) {
  const lines = [speedWords(answer), ...(column === 1 ? [comparisonWords(turn)] : [])].filter(Boolean)
  return (
    <footer className={classes.figures}>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
      {column === 1 && turn.divergenceError && turn.divergenceError.code !== 'cancelled' && (
        <Failure error={turn.divergenceError} />
      )}
    </footer>
  )
}

function speedWords({ state, pieces, tokens, firstTokenMs, generationMs, stopReason, ...rest }: ChatAnswer): string {
  if (state === 'answering' && pieces.length > 0) return `${exact(pieces.length)} tokens so far`
  if (state === 'stopped' && pieces.length > 0) return `Stopped after ${exact(pieces.length)} tokens`
  if (state !== 'done') return ''
  const rate = generationMs && tokens > 1 ? ((tokens - 1) * 1000) / generationMs : undefined
  return [
    `${exact(tokens)} ${tokens === 1 ? 'token' : 'tokens'}`,
    rate !== undefined && `${rate.toPrecision(3)} tokens/s`,
    firstTokenMs !== undefined && `first token after ${duration(firstTokenMs)}${readWords(rest)}`,
    stopReason && ENDS[stopReason],
  ]
    .filter(Boolean)
    .join(' · ')
}

/** A prompt that is in the cache costs next to nothing, which must not be taken for speed. */
function readWords({ promptTokens = 0, reusedTokens = 0 }: Pick<ChatAnswer, 'promptTokens' | 'reusedTokens'>): string {
  const read = `${exact(promptTokens - reusedTokens)} prompt tokens read`
  return ` (${read}${reusedTokens > 0 ? `, ${exact(reusedTokens)} cached` : ''})`
}

function comparisonWords({ comparing, divergence, firstDifference, answers }: ChatTurn): string {
  if (comparing) return 'Comparing with the left model, token by token…'
  if (!divergence) return ''
  const { kl, sameTop } = divergence
  const mean = kl.reduce((sum, value) => sum + value, 0) / kl.length
  const same = sameTop.filter(Boolean).length
  const difference =
    firstDifference === undefined
      ? 'answers are the same'
      : firstDifference < (answers[1]?.pieces.length ?? 0)
        ? `differs from token ${exact(firstDifference + 1)} on`
        : `ends where the left one goes on`
  return `KL ${nats(zeroed(mean))} nats/token, largest ${nats(zeroed(Math.max(...kl)))} · same likeliest token at ${exact(same)} of ${exact(kl.length)} · ${difference}`
}

/** Rounding leaves a hair on either side of zero. */
function zeroed(value: number): number {
  return Math.abs(value) < 1e-12 ? 0 : value
}
