import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import type { ExportColumn } from '../../../shared/export/table-text.ts'
import { limitTokensPerSecond, threadsOf, type Measurement } from './measurements.ts'
import { modelWords } from './model-name.tsx'

/** Every figure of a measurement with all its digits: medians, and the reach of the rounds where it matters. */
export function exportColumns(results: ResultSummary[]): ExportColumn<Measurement>[] {
  const resultOf = (m: Measurement) => results.find(({ id }) => id === m.resultId)
  return [
    { name: 'measured_at', of: ({ createdAtMs }) => new Date(createdAtMs).toISOString() },
    { name: 'model', of: (m) => modelWords(resultOf(m)) },
    { name: 'folder', of: (m) => resultOf(m)?.path },
    { name: 'stored_as', of: ({ storedAs }) => storedAs },
    { name: 'head_stored_as', of: ({ headStoredAs }) => headStoredAs },
    { name: 'processor', of: ({ processor }) => processor },
    { name: 'threads', of: threadsOf },
    { name: 'simd', of: ({ simd }) => simd },
    { name: 'arithmetic', of: ({ arithmetic }) => arithmetic },
    { name: 'rounds', of: ({ rounds }) => rounds },
    { name: 'prompt_tokens', of: ({ promptTokens }) => promptTokens },
    { name: 'generated_tokens', of: ({ generateTokens }) => generateTokens },
    { name: 'context_tokens', of: ({ context }) => context },
    { name: 'generation_tokens_per_second', of: ({ tokensPerSecond }) => tokensPerSecond.median },
    { name: 'generation_tokens_per_second_min', of: ({ tokensPerSecond }) => tokensPerSecond.min },
    { name: 'generation_tokens_per_second_max', of: ({ tokensPerSecond }) => tokensPerSecond.max },
    { name: 'share_of_memory_limit', of: ({ bandwidthShare }) => bandwidthShare.median },
    { name: 'limit_tokens_per_second', of: limitTokensPerSecond },
    { name: 'read_gigabytes_per_second', of: ({ readBandwidth }) => readBandwidth.allThreads.median },
    { name: 'prompt_tokens_per_second', of: ({ promptTokensPerSecond }) => promptTokensPerSecond.median },
    { name: 'first_token_ms', of: ({ firstTokenMs }) => firstTokenMs.median },
    { name: 'memory_bytes', of: ({ memoryBytes }) => memoryBytes },
    { name: 'weight_bytes_per_token', of: ({ weightBytesPerToken }) => weightBytesPerToken },
  ]
}
