import { z } from 'zod'
import { errorInfo } from '../errors.ts'

/** renderer → host: one request. */
export const requestFrame = z.object({
  id: z.int().min(0).describe('Chosen by the renderer; the answer carries it.'),
  method: z.string().describe('Name of the request, noun.verb.'),
  params: z.unknown().describe('As the request asks.'),
})
export type RequestFrame = z.infer<typeof requestFrame>

/** host → renderer: exactly one for each request. */
export const answerFrame = z.union([
  z.object({ id: z.int().min(0), result: z.unknown() }),
  z.object({ id: z.int().min(0), error: errorInfo }),
])
export type AnswerFrame = z.infer<typeof answerFrame>

/** host → renderer: something happened. */
export const eventFrame = z.object({
  event: z.string().describe('Name of the event, noun.past.'),
  payload: z.unknown().describe('As the event says.'),
})
export type EventFrame = z.infer<typeof eventFrame>
