import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stopFilter } from './stop-strings.ts'

describe('stop strings', () => {
  it('hold back what may become one, and give it back when it does not', () => {
    const filter = stopFilter(['\nUser:'])
    expect(filter.push('Hello\nUs')).toEqual({ text: 'Hello', stopped: false })
    expect(filter.push('ed')).toEqual({ text: '\nUsed', stopped: false })
    expect(filter.push('\nUser')).toEqual({ text: '', stopped: false })
    expect(filter.end()).toBe('\nUser')
  })

  it('end the text before the first of them, however the text is cut up', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(stop, { maxLength: 3 }), (pieces, stops) => {
        const filter = stopFilter(stops)
        let shown = ''
        let stopped = false
        for (const text of pieces) {
          const step = filter.push(text)
          shown += step.text
          stopped = step.stopped
          if (stopped) break
        }
        if (!stopped) shown += filter.end()
        const whole = pieces.join('')
        const first = Math.min(...stops.map((s) => whole.indexOf(s)).filter((index) => index >= 0))
        // A longer stop string may begin earlier and be completed later than a shorter one that ends the text.
        expect(whole.startsWith(shown)).toBe(true)
        expect(stopped).toBe(Number.isFinite(first))
        expect(stops.some((s) => shown.includes(s))).toBe(false)
      }),
    )
  })
})
