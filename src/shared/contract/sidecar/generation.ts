import { z } from 'zod'
import { device, durationMs, jobId, sizeBytes, threads } from './common.ts'

const modelId = z.int().min(1).describe('Number of a loaded model, unique within one sidecar process.')

/** host → sidecar. Maps the weights and prepares them for generation. */
export const modelLoadParams = z.object({
  path: z.string().describe('Folder of a checkpoint or of a result.'),
  device,
  threads,
  contextLength: z.int().min(0).describe('Tokens the cache holds; 0 means the model limit, at most 4096.'),
})
export const modelLoadResult = z.object({
  modelId,
  contextLength: z.int().min(1).describe('Tokens the cache holds.'),
  memoryBytes: sizeBytes.describe('Weights and cache, bytes.'),
})

/** host → sidecar. */
export const modelUnloadParams = z.object({ modelId })
export const modelUnloadResult = z.object({ found: z.boolean().describe('False when there was no such model.') })

export const sampling = z.object({
  temperature: z.number().min(0).max(10).describe('0 is greedy.'),
  topK: z.int().min(0).describe('Keep the k likeliest tokens; 0 keeps all.'),
  topP: z.number().min(0).max(1).describe('Keep the likeliest tokens up to this mass; 1 keeps all.'),
  minP: z.number().min(0).max(1).describe('Drop tokens below this share of the likeliest; 0 drops none.'),
  repetitionPenalty: z.number().min(0.1).max(10).describe('Divides positive logits of seen tokens; 1 is off.'),
  seed: z.int().min(0).describe('Seed of the sampler; the same seed gives the same tokens.'),
})
export type Sampling = z.infer<typeof sampling>

/** host → sidecar, starts a job. A prompt that begins with tokens already in the cache reuses them. */
export const generationStartParams = z.object({
  modelId,
  prompt: z.array(z.int().min(0)).min(1).max(1_048_576).describe('Token ids.'),
  maxTokens: z.int().min(1).describe('Most tokens to produce.'),
  stopTokens: z.array(z.int().min(0)).describe('Tokens that end the text; they are not reported.'),
  sampling,
})

/** sidecar → host: tokens as they come, in order. */
export const generationProduced = z.object({
  jobId,
  seq: z.int().min(0).describe('Index of the first token within the answer.'),
  tokens: z.array(z.int().min(0)).describe('Token ids.'),
  logprobs: z.array(z.number()).describe('Natural log of the probability of each token before sampling settings.'),
})
export type GenerationProduced = z.infer<typeof generationProduced>

export const generationResult = z.object({
  kind: z.literal('generation'),
  promptTokens: z.int().min(0).describe('Tokens of the prompt.'),
  reusedTokens: z.int().min(0).describe('Of these, taken from the cache.'),
  generatedTokens: z.int().min(0).describe('Tokens produced.'),
  stopReason: z.enum(['length', 'stop-token', 'context-full']).describe('Why it ended.'),
  promptMs: durationMs.describe('Time for the prompt, milliseconds: the wait for the first token.'),
  generationMs: durationMs.describe('Time for the tokens after the first, milliseconds.'),
})
export type GenerationResult = z.infer<typeof generationResult>

/**
 * host → sidecar, starts a job: both models read the same prompt and answer, and their distributions are compared at each
 * token of the answer. What is in their caches already is not read again.
 */
export const divergenceStartParams = z.object({
  modelId,
  referenceId: z.int().min(1).describe('Number of the loaded model to compare with; it may be the same one.'),
  prompt: z.array(z.int().min(0)).min(1).max(1_048_576).describe('Token ids before the answer.'),
  answer: z.array(z.int().min(0)).min(1).max(1_048_576).describe('Token ids of the answer.'),
})

/** Each list has one entry for each token of the answer, of the distribution that it was taken from. */
export const divergenceResult = z.object({
  kind: z.literal('divergence'),
  kl: z.array(z.number()).describe('KL(reference ‖ model) over the whole vocabulary, nats.'),
  logprobs: z.array(z.number()).describe('Natural log of the probability that the model gives the token.'),
  referenceLogprobs: z.array(z.number()).describe('Natural log of the probability that the reference gives it.'),
  sameTop: z.array(z.boolean()).describe('Whether both find the same token likeliest.'),
  durationMs,
})
export type DivergenceResult = z.infer<typeof divergenceResult>
