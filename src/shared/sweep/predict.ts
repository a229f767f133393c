/**
 * From the objective Σ F (w − ŵ)² to the loss. To second order Δloss = ½ Σ F (w − ŵ)² for the loss that F was taken
 * of, the sum over a sample of T tokens (SqueezeLLM, arXiv 2306.07629, §4.1): per token, a T-th of it. What the
 * diagonal and the second order leave out is learnt from measured points as a power law around that,
 * Δ = scale · (objective / 2T) ^ exponent: linear regression of ln Δ with a prior (Bishop, Pattern Recognition and
 * Machine Learning, §3.3), so that a few points move the scale, and only many or far ones the exponent. Its predictive
 * variance is the band: wide where little was measured.
 */

export type MeasuredPoint = {
  objective: number
  /** Loss of the point less that of the checkpoint, nats per token. */
  deltaNll: number
}

export type Predictor = {
  scale: number
  exponent: number
  /** Variances of ln Δ; undefined before anything is learnt. */
  doubt: Doubt | undefined
  /** Points it was learnt from. */
  learntFrom: number
  /** Objectives that it was learnt from; beyond them it extrapolates. */
  range: [low: number, high: number] | undefined
  tokensPerSample: number
}

/** Where the points lie, and variances: of a point around the law, of the law there, of its exponent. */
type Doubt = { centre: number; point: number; offset: number; exponent: number }

export type Prediction = { deltaNll: number; low: number | undefined; high: number | undefined; extrapolates: boolean }

/** Standard deviations of what is believed before: of ln scale around 0, of the exponent around 1, of a point. */
const PRIOR = { offset: 1, exponent: 0.15, point: 0.2 }
/** How many points the belief in the last of these is worth. */
const PRIOR_POINTS = 3
/**
 * What the first order adds is no error of the law; its sign nobody knows, and it grows with the root of Δ. At this Δ,
 * nats per token, it is as large as what a point is off the law.
 */
const FIRST_ORDER = 0.02
/** A falling law would turn the order of recipes round. */
const LEAST_EXPONENT = 0.2
/** The variance of points and the law depend on one another; settled after a few rounds. */
const ROUNDS = 5
const BAND_SIGMAS = 2

export function learnPredictor(points: readonly MeasuredPoint[], tokensPerSample: number): Predictor {
  // A loss that did not rise is noise below what the text can tell, and has no logarithm.
  const usable = points.filter(({ objective, deltaNll }) => objective > 0 && deltaNll > 0 && Number.isFinite(deltaNll))
  if (usable.length === 0)
    return { scale: 1, exponent: 1, doubt: undefined, learntFrom: 0, range: undefined, tokensPerSample }
  const logs = usable.map(({ objective, deltaNll }) => {
    const x = Math.log(objective / (2 * tokensPerSample))
    return { x, excess: Math.log(deltaNll) - x, weight: 1 / (1 + FIRST_ORDER / deltaNll) }
  })
  const sum = (of: (log: (typeof logs)[number]) => number) => logs.reduce((total, log) => total + of(log), 0)
  const weights = sum(({ weight }) => weight)
  const centre = sum(({ weight, x }) => weight * x) / weights
  const spread = sum(({ weight, x }) => weight * (x - centre) ** 2)
  const rise = sum(({ weight, x, excess }) => weight * (x - centre) * excess)
  const height = sum(({ weight, excess }) => weight * excess)
  let point = PRIOR.point ** 2
  let [offset, slope, offsetDoubt, exponentDoubt] = [0, 0, 0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    offsetDoubt = 1 / (weights / point + 1 / PRIOR.offset ** 2)
    exponentDoubt = 1 / (spread / point + 1 / PRIOR.exponent ** 2)
    offset = (offsetDoubt * height) / point
    slope = Math.max(LEAST_EXPONENT - 1, (exponentDoubt * rise) / point)
    const rest = sum(({ weight, x, excess }) => weight * (excess - offset - slope * (x - centre)) ** 2)
    point = (PRIOR_POINTS * PRIOR.point ** 2 + rest) / (PRIOR_POINTS + logs.length - 1)
  }
  const objectives = usable.map(({ objective }) => objective)
  return {
    scale: Math.exp(offset - slope * centre),
    exponent: 1 + slope,
    doubt: { centre, point, offset: offsetDoubt, exponent: exponentDoubt },
    learntFrom: logs.length,
    range: [Math.min(...objectives), Math.max(...objectives)],
    tokensPerSample,
  }
}

export function predict(predictor: Predictor, objective: number): Prediction {
  const { scale, exponent, doubt, range, tokensPerSample } = predictor
  const secondOrder = objective / (2 * tokensPerSample)
  const deltaNll = scale * secondOrder ** exponent
  const known = doubt && secondOrder > 0
  const factor = known ? bandFactor(doubt, Math.log(secondOrder)) : undefined
  const firstOrder = known ? BAND_SIGMAS * Math.sqrt(doubt.point * FIRST_ORDER * deltaNll) : 0
  return {
    deltaNll,
    low: factor === undefined ? undefined : deltaNll / factor - firstOrder,
    high: factor === undefined ? undefined : deltaNll * factor + firstOrder,
    extrapolates: !range || objective < range[0] * 0.999 || objective > range[1] * 1.001,
  }
}

/** Of the law alone; 1.2 means from a 1.2nd to 1.2 times. */
function bandFactor({ centre, point, offset, exponent }: Doubt, x: number): number {
  return Math.exp(BAND_SIGMAS * Math.sqrt(point + offset + exponent * (x - centre) ** 2))
}
