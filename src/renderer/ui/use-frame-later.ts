import { useEffect, useRef, useState } from 'react'

/**
 * The value, one frame after the rest of the page has it: for what is costly to draw and may follow. Values that come
 * faster than frames are left out, but never for longer than a frame.
 */
export function useFrameLater<T>(value: T): T {
  const [shown, show] = useState({ value })
  const latest = useRef(value)
  const waiting = useRef(0)
  useEffect(() => {
    latest.current = value
    if (waiting.current !== 0) return
    // The first call comes before what was just rendered is painted, the second one after it.
    waiting.current = requestAnimationFrame(() => {
      waiting.current = requestAnimationFrame(() => {
        waiting.current = 0
        show({ value: latest.current })
      })
    })
  }, [value])
  useEffect(
    () => () => {
      cancelAnimationFrame(waiting.current)
      waiting.current = 0
    },
    [],
  )
  return shown.value
}
