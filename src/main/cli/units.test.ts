import { describe, expect, it } from 'vitest'
import { bytes, count, duration, perplexity, rate, shownPath } from './units.ts'

describe('units', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [6_955_480, '6.63 MiB'],
    [13_476_839_424, '12.6 GiB'],
  ])('%d bytes', (value, text) => expect(bytes(value)).toBe(text))

  it.each([
    [999, '999'],
    [3_310_000, '3.31 M'],
    [6_738_415_616, '6.74 B'],
  ])('%d parameters', (value, text) => expect(count(value)).toBe(text))

  it.each([
    [820, '820 ms'],
    [12_340, '12.3 s'],
    [245_000, '4 min 05 s'],
    [7_800_000, '2 h 10 min'],
  ])('%d ms', (value, text) => expect(duration(value)).toBe(text))

  it('rates and perplexities', () => {
    expect(rate(1_234_567.8, 'weights/s')).toBe('1.23 M weights/s')
    expect(rate(3.14159, 'tokens/s')).toBe('3.14 tokens/s')
    expect(perplexity(undefined)).toBe('diverged')
    expect(perplexity(6.2)).toBe('6.200')
  })

  it('paths from where the person stands, when that is shorter', () => {
    expect(shownPath('/home/me/models/tiny', '/home/me')).toBe('models/tiny')
    expect(shownPath('/a', '/home/me/models')).toBe('/a')
    expect(shownPath('/home/me', '/home/me')).toBe('.')
  })
})
