import { expect, test } from 'vitest'
import type { ChatTurn as Answering, ChatSession } from './chat.ts'
import type { ChatTurn } from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import type { ChatModels } from './chat-models.ts'
import { answerTurn, firstDifference } from './chat-turn.ts'

const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }

function turnOf(prompt: string, form: ChatTurn['form'] = 'template'): ChatTurn {
  return {
    id: 1,
    prompt,
    models: [{}, { resultId: 1 }],
    form,
    sampling,
    maxTokens: 9,
    answers: [
      { state: 'waiting', tokens: 0, pieces: [] },
      { state: 'waiting', tokens: 0, pieces: [] },
    ],
    comparing: false,
    createdAtMs: 0,
  }
}

/** Models that say their tokens, each id a piece of text; what they were given is kept. */
function modelsThatSay(says: Record<string, number[]>, whileSaying: (path: string, id: number) => void = () => {}) {
  const given: Answering['input'][] = []
  const session = (path: string): ChatSession => ({
    modelId: 1,
    path,
    hasTemplate: true,
    contextLength: 64,
    memoryBytes: 1,
    answer: async ({ input, onPrompt, onToken, signal }) => {
      given.push(input)
      const ids = says[path]
      if (!ids) throw fail('out-of-memory', 'No room.')
      onPrompt?.([100])
      for (const id of ids) {
        if (signal?.aborted) throw fail('cancelled', 'Cancelled.')
        onToken?.(`<${id}>`, id)
        whileSaying(path, id)
      }
      const figures = { promptTokens: 1, reusedTokens: 0, promptMs: 2, generationMs: 3 }
      return { text: '', generatedTokens: ids.length, stopReason: 'length', ...figures }
    },
    divergence: async (reference, { answer }) => ({
      kind: 'divergence',
      kl: answer.map(() => (reference.path === 'left' && path === 'right' ? 0.5 : -1)),
      logprobs: answer.map(() => -1),
      referenceLogprobs: answer.map(() => -2),
      sameTop: answer.map(() => true),
      durationMs: 1,
    }),
    close: async () => {},
  })
  const models: ChatModels = {
    keep: async () => {},
    use: (paths, work) => work(paths.map(session)),
    areLoaded: () => false,
  }
  return { models, given }
}

async function run(
  turn: ChatTurn,
  models: ChatModels,
  earlier: ChatTurn[] = [],
  controller = new AbortController(),
): Promise<string[]> {
  const states: string[] = []
  await answerTurn(models, ['left', 'right'], turn, earlier, controller.signal, {
    advanced: () =>
      states.push(turn.answers.map(({ state }) => state).join(' ') + (turn.comparing ? ' comparing' : '')),
    produced: () => {},
  })
  return states
}

test('the left model ends before the right one begins, and the right answer is compared with the left model', async () => {
  const turn = turnOf('Hello')
  const { models } = modelsThatSay({ left: [1, 2, 3], right: [1, 5] })
  expect(await run(turn, models)).toEqual([
    'loading waiting',
    'answering waiting',
    'done waiting',
    'done loading',
    'done answering',
    'done done',
    'done done comparing',
  ])
  expect(turn.answers[1]).toMatchObject({ pieces: ['<1>', '<5>'], tokens: 2, firstTokenMs: 2, stopReason: 'length' })
  expect(turn.firstDifference).toBe(1)
  expect(turn.divergence).toEqual({ kl: [0.5, 0.5], logprobs: [-1, -1], leftLogprobs: [-2, -2], sameTop: [true, true] })
  expect(turn.comparing).toBe(false)
})

test('each column goes on with its own answers, through the template or as text', async () => {
  const before = turnOf('One ')
  const { models, given } = modelsThatSay({ left: [1], right: [2] })
  await run(before, models)
  given.length = 0
  await run(turnOf(' Two'), models, [before])
  await run(turnOf(' Two', 'text'), models, [before])
  expect(given).toEqual([
    ...['<1>', '<2>'].map((content) => ({
      messages: [
        { role: 'user', content: 'One ' },
        { role: 'assistant', content },
        { role: 'user', content: ' Two' },
      ],
    })),
    { prompt: 'One <1> Two' },
    { prompt: 'One <2> Two' },
  ])
})

test('what was said before a stop is kept, and nothing comes after it', async () => {
  const controller = new AbortController()
  const { models } = modelsThatSay({ left: [1, 2, 3], right: [1] }, (_, id) => {
    if (id === 2) controller.abort()
  })
  const turn = turnOf('Hello')
  await run(turn, models, [], controller)
  expect(turn.answers.map(({ state, tokens }) => [state, tokens])).toEqual([
    ['stopped', 2],
    ['stopped', 0],
  ])
  expect(turn.divergence).toBeUndefined()
})

test('a model that fails does not keep the other one from answering', async () => {
  const { models } = modelsThatSay({ right: [1] })
  const turn = turnOf('Hello')
  await run(turn, models)
  expect(turn.answers[0]).toMatchObject({ state: 'failed', error: { code: 'out-of-memory' } })
  expect(turn.answers[1].state).toBe('done')
  expect(turn.divergence).toBeUndefined()
  expect(turn.divergenceError).toBeUndefined()
})

test('the first difference is where one of two answers goes its own way', () => {
  expect(firstDifference([1, 2], [1, 2])).toBeUndefined()
  expect(firstDifference([1, 2], [1, 3])).toBe(1)
  expect(firstDifference([1], [1, 3])).toBe(1)
  expect(firstDifference([], [])).toBeUndefined()
})
