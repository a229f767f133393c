const NOUNS: Record<string, string> = {
  calibration: 'Calibration',
  quantization: 'Squeeze',
  evaluation: 'Measurement',
  errors: 'Error table',
  sweep: 'Sweep',
  generation: 'Generation',
  export: 'Export',
  benchmark: 'Benchmark',
}

/** What a job is called, in the page and out of it. */
export function jobNoun({ kind }: { kind: string }): string {
  return NOUNS[kind] ?? kind
}
