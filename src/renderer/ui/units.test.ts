import { describe, expect, it } from 'vitest'
import * as units from './units.ts'

/** Ordinary spaces read better in a test. */
const plain = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u2212', '-')

describe('units', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_600, '1.00 MB'],
    [16_912_384, '16.9 MB'],
    [13_476_839_424, '13.5 GB'],
  ])('says %d bytes as %s', (bytes, words) => expect(plain(units.size(bytes))).toBe(words))

  it.each([
    [1, '1.000'],
    [6.4812, '6.481'],
    [15.627, '15.63'],
    [101.26, '101.3'],
    [25_612, '25612'],
    [1_234_567, '1.23e6'],
  ])('says perplexity %d as %s', (value, words) => expect(units.perplexity(value)).toBe(words))

  it.each([
    [1695.02, '1,695'],
    [99.96, '100'],
    [10.84, '10.8'],
    [0.5, '0.50'],
  ])('says the figure %d as %s', (value, words) => expect(units.figure(value)).toBe(words))

  it.each([
    [0, '±0.00 %'],
    [0.021, '+2.1 %'],
    [-0.0004, '-0.04 %'],
    [1.41, '+141 %'],
  ])('says the change %d as %s', (fraction, words) => expect(plain(units.change(fraction))).toBe(words))

  it.each([
    [0.0045, '0.45 %'],
    [0.01, '1 %'],
    [0, '0 %'],
  ])('says the fraction %d as %s', (fraction, words) => expect(plain(units.percent(fraction))).toBe(words))

  it.each([
    [12, 'just now'],
    [90, '2 minutes ago'],
    [3580, '1 hour ago'],
    [86_400 * 1.2, 'yesterday'],
  ])('says %d seconds ago as %s', (seconds, words) => expect(units.ago(0, seconds * 1000)).toBe(words))

  it('says durations and estimates', () => {
    expect(plain(units.duration(840))).toBe('840 ms')
    expect(plain(units.duration(12_300))).toBe('12 s')
    expect(plain(units.duration(200_000))).toBe('3 min 20 s')
    expect(plain(units.duration(119_700))).toBe('1 min 59 s')
    expect(plain(units.timeLeft(41_000))).toBe('about 50 s left')
    expect(plain(units.rate(1_234_000, 'weights/s'))).toBe('1.23 M weights/s')
    expect(plain(units.rate(12, 'tokens/s'))).toBe('12 tokens/s')
  })
})
