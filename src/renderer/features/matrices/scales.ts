/** 0..1 for each value between the smallest positive one and the largest, on a logarithmic scale; 0 for zero. */
export function logarithmic(values: number[]): (value: number) => number {
  const positive = values.filter((value) => value > 0)
  const low = Math.log(Math.min(...positive))
  const span = Math.log(Math.max(...positive)) - low
  return (value) => (value > 0 && span > 0 ? (Math.log(value) - low) / span : value > 0 ? 1 : 0)
}

/** 0..1 in proportion to the largest. */
export function linear(values: number[]): (value: number) => number {
  const most = Math.max(0, ...values)
  return (value) => (most > 0 ? value / most : 0)
}

/** 0..1 between the smallest and the largest; the middle where all are the same. */
export function spread(values: number[]): (value: number) => number {
  const low = Math.min(...values)
  const span = Math.max(...values) - low
  return (value) => (span > 0 ? (value - low) / span : 0.5)
}

/** 0..1 with the middle at zero, and the largest of either sign at its end. */
export function signed(values: number[]): (value: number) => number {
  const most = Math.max(0, ...values.map(Math.abs))
  return (value) => (most > 0 ? (value / most + 1) / 2 : 0.5)
}

/** "0.0837", "20.7", and "3.20·10⁻⁵" beyond: sensitivities span many orders. */
export function scientific(value: number): string {
  if (value === 0) return '0'
  if (value >= 0.01 && value < 999.5) return value.toPrecision(3)
  const [digits = '', exponent = '0'] = value.toExponential(2).split('e')
  const raised = [...String(Number(exponent))].map((sign) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)] ?? '⁻').join('')
  return `${digits}·10${raised}`
}
