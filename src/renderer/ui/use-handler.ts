import { useCallback, useLayoutEffect, useRef } from 'react'

/**
 * A handler that stays the same from render to render and does what the last render's would, so that a control it is
 * given to is not drawn anew whenever something changes that only the handler looks at.
 */
export function useHandler<A extends unknown[]>(handler: (...args: A) => void): (...args: A) => void {
  const latest = useRef(handler)
  useLayoutEffect(() => {
    latest.current = handler
  })
  return useCallback((...args: A) => latest.current(...args), [])
}
