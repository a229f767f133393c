import { memo, useId, useState, type KeyboardEvent, type PointerEvent } from 'react'
import type { ChatDivergence } from '../../../shared/contract/studio/index.ts'
import { nats, share } from '../../ui/units.ts'
import { LEVELS, levelOf, tokenWords } from './shading.ts'
import classes from './token-text.module.css'

type Props = {
  pieces: string[]
  divergence: ChatDivergence
  start: number
  end: number
  firstDifference: number | undefined
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }

/**
 * An answer, each token shaded by how far its distribution moved. One stop of the tab key; arrows walk over the tokens,
 * and below stands what is known of the one pointed at.
 */
export function TokenText({ pieces, divergence, start, end, firstDifference }: Props) {
  const id = useId()
  const [active, setActive] = useState<number>()
  const shown = active !== undefined && active >= start && active < end ? active : undefined

  function point(event: PointerEvent<HTMLElement>) {
    const at = (event.target as HTMLElement).dataset.token
    if (at !== undefined) setActive(Number(at))
  }

  function walk(event: KeyboardEvent<HTMLElement>) {
    const step = STEPS[event.key]
    const goal = event.key === 'Home' ? start : event.key === 'End' ? end - 1 : (shown ?? start - 1) + (step ?? 0)
    if (step === undefined && event.key !== 'Home' && event.key !== 'End') return
    event.preventDefault()
    const next = Math.min(end - 1, Math.max(start, goal))
    setActive(next)
    document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: 'nearest' })
  }

  return (
    <>
      <div
        role="listbox"
        aria-label="Tokens of the right answer, shaded by divergence"
        aria-orientation="horizontal"
        aria-activedescendant={shown === undefined ? undefined : `${id}-${shown}`}
        tabIndex={0}
        className={classes.text}
        onKeyDown={walk}
        onFocus={() => setActive((known) => known ?? start)}
        onPointerOver={point}
      >
        {pieces.slice(start, end).map((piece, offset) => {
          const index = start + offset
          return (
            <Token
              key={index}
              id={`${id}-${index}`}
              index={index}
              piece={piece}
              kl={divergence.kl[index] ?? 0}
              active={index === shown}
              differs={index === firstDifference}
            />
          )
        })}
      </div>
      <TokenFacts piece={shown === undefined ? undefined : pieces[shown]} index={shown} divergence={divergence} />
    </>
  )
}

type TokenProps = { id: string; index: number; piece: string; kl: number; active: boolean; differs: boolean }

const Token = memo(function Token({ id, index, piece, kl, active, differs }: TokenProps) {
  return (
    <span
      id={id}
      role="option"
      aria-selected={active}
      aria-label={`${tokenWords(piece)}, ${nats(kl)} nats${differs ? ', first token that differs' : ''}`}
      className={classes.token}
      data-token={index}
      data-level={levelOf(kl)}
      data-differs={differs || undefined}
    >
      {piece}
    </span>
  )
})

type FactsProps = {
  piece: string | undefined
  index: number | undefined
  divergence: ChatDivergence
}

/** What is known of one token; keeps its place while none is chosen. */
function TokenFacts({ piece, index, divergence }: FactsProps) {
  if (piece === undefined || index === undefined)
    return <p className={classes.facts}>Point at a token, or walk over them with the arrow keys.</p>
  const { kl, logprobs, leftLogprobs, sameTop } = divergence
  return (
    <p className={classes.facts}>
      <strong className={classes.which}>
        {index + 1}. {tokenWords(piece)}
      </strong>{' '}
      KL {nats(kl[index] ?? 0)} nats · p {share(Math.exp(logprobs[index] ?? 0))}, left{' '}
      {share(Math.exp(leftLogprobs[index] ?? 0))} · {sameTop[index] ? 'same' : 'another'} likeliest
    </p>
  )
}

/** What the shades mean. */
export function ShadeLegend() {
  return (
    <div
      className={classes.legend}
      role="img"
      aria-label={`Shades: KL of ${LEVELS.map(({ words }) => words).join(', ')} nats`}
    >
      {LEVELS.map(({ words }, level) => (
        <span key={words} className={classes.step}>
          <span className={classes.swatch} data-level={level} />
          {words}
        </span>
      ))}
      <span className="unit">nats of KL</span>
    </div>
  )
}
