import { useState, type KeyboardEvent, type PointerEvent } from 'react'

const PAGE = 10

type Options = {
  label: string
  count: number
  /** Where the things stand, in pixels from the left of the element. */
  left: number
  width: number
  /** Where the keyboard begins; the middle when absent. */
  start?: number | undefined
  words: (index: number) => string
  /** What a click or Enter does with the one that is pointed at. */
  pick?: (index: number) => void
}

/**
 * A row of many things that one looks at one by one, by pointer or by arrows. One stop of the tab key; what it stands on
 * is said as a slider says its value.
 */
export function useScrub({ label, count, left, width, start, words, pick }: Options) {
  const [pointed, point] = useState<number>()
  const [walked, walk] = useState<number>()
  const last = count - 1
  const standing = Math.min(last, walked ?? start ?? Math.floor(count / 2))
  const at = pointed === undefined ? (walked === undefined ? undefined : standing) : Math.min(last, pointed)

  const under = (event: PointerEvent) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - left
    return Math.max(0, Math.min(last, Math.floor((x / width) * count)))
  }

  function press(event: KeyboardEvent) {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      return pick?.(standing)
    }
    const next: Record<string, number> = {
      ArrowLeft: standing - 1,
      ArrowRight: standing + 1,
      PageDown: standing - PAGE,
      PageUp: standing + PAGE,
      Home: 0,
      End: last,
    }
    const to = next[event.key]
    if (to === undefined) return
    event.preventDefault()
    point(undefined)
    walk(Math.max(0, Math.min(last, to)))
  }

  const props = {
    role: 'slider',
    tabIndex: 0,
    'aria-label': label,
    'aria-valuemin': 0,
    'aria-valuemax': Math.max(0, last),
    'aria-valuenow': Math.max(0, standing),
    'aria-valuetext': words(standing),
    onKeyDown: press,
    onFocus: () => walk((known) => known ?? standing),
    onBlur: () => walk(undefined),
    onPointerMove: (event: PointerEvent) => point(under(event)),
    onPointerLeave: () => point(undefined),
    onClick: () => pointed !== undefined && pick?.(pointed),
  }
  return { at, props }
}
