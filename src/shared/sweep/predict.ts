/**
 * From the objective Σ F (w − ŵ)² to the loss. To second order Δloss = ½ Σ F (w − ŵ)² for the loss that F was taken
 * of, the sum over a sample of T tokens (SqueezeLLM, arXiv 2306.07629, §4.1): per token, a T-th of it. What the
 * diagonal and the second order leave out is learnt from measured points: a scale, and with enough points an exponent,
 * Δ = scale · (objective / 2T) ^ exponent.
 */

export type MeasuredPoint = {
  objective: number
  /** Loss of the point less that of the checkpoint, nats per token. */
  deltaNll: number
}

export type Predictor = {
  scale: number
  exponent: number
  /** Half-width of the error band as a factor: 1.2 means from a 1.2nd to 1.2 times. Undefined before it is learnt. */
  bandFactor: number | undefined
  /** Points it was learnt from. */
  learntFrom: number
  /** Objectives that it was learnt from; beyond them it extrapolates. */
  range: [low: number, high: number] | undefined
  tokensPerSample: number
}

export type Prediction = { deltaNll: number; low: number | undefined; high: number | undefined; extrapolates: boolean }

/** From so many points on, the exponent is fitted too. */
const EXPONENT_FROM = 4
/** Two standard deviations. */
const BAND_SIGMAS = 2
const LEAST_BAND = 1.05

export function learnPredictor(points: readonly MeasuredPoint[], tokensPerSample: number): Predictor {
  // A loss that did not rise is noise below what the text can tell, and has no logarithm.
  const usable = points.filter(({ objective, deltaNll }) => objective > 0 && deltaNll > 0 && Number.isFinite(deltaNll))
  const logs = usable.map(({ objective, deltaNll }) => ({
    x: Math.log(objective / (2 * tokensPerSample)),
    y: Math.log(deltaNll),
  }))
  if (logs.length === 0)
    return { scale: 1, exponent: 1, bandFactor: undefined, learntFrom: 0, range: undefined, tokensPerSample }
  const mean = (of: (log: { x: number; y: number }) => number) =>
    logs.reduce((sum, log) => sum + of(log), 0) / logs.length
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)]
  const spread = logs.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  const slope = logs.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread
  // A slope of few or crowded points says little; a falling one would turn the order of recipes round.
  const exponent = logs.length >= EXPONENT_FROM && spread > 1 && slope > 0.2 ? slope : 1
  const offset = meanY - exponent * meanX
  const free = logs.length - (exponent === 1 ? 1 : 2)
  const variance = logs.reduce((sum, { x, y }) => sum + (y - offset - exponent * x) ** 2, 0) / Math.max(1, free)
  const objectives = usable.map(({ objective }) => objective)
  return {
    scale: Math.exp(offset),
    exponent,
    bandFactor: free >= 1 ? Math.max(LEAST_BAND, Math.exp(BAND_SIGMAS * Math.sqrt(variance))) : undefined,
    learntFrom: logs.length,
    range: [Math.min(...objectives), Math.max(...objectives)],
    tokensPerSample,
  }
}

export function predict(predictor: Predictor, objective: number): Prediction {
  const { scale, exponent, bandFactor, range, tokensPerSample } = predictor
  const deltaNll = scale * (objective / (2 * tokensPerSample)) ** exponent
  return {
    deltaNll,
    low: bandFactor === undefined ? undefined : deltaNll / bandFactor,
    high: bandFactor === undefined ? undefined : deltaNll * bandFactor,
    extrapolates: !range || objective < range[0] * 0.999 || objective > range[1] * 1.001,
  }
}
