import { test } from 'vitest'
import { providerCases, type Simulator } from '../testing/index.ts'
import { openai } from './index.ts'
import { openaiSimulator } from './simulator.ts'

const requests = [
  { model: 'gpt-image-2', input: { prompt: 'a fox', size: 'square' } },
  { model: 'gpt-image-2-edit', input: { prompt: 'a fox', size: 'portrait', count: 2 } },
  { model: 'gpt-image-1-mini', input: { prompt: 'a fox', size: 'landscape' } },
]

/** Pictures come at once: the suite's clock stands still while a submit is on the line. */
const simulator: Simulator = {
  ...openaiSimulator,
  answer: (exchange, desk) =>
    openaiSimulator.answer(exchange, { ...desk, plan: prompt => ({ seconds: 0, ...desk.plan(prompt) }) }),
}

for (const { name, run } of providerCases({ provider: openai(), simulator, requests, keyPrefix: 'sk-' })) {
  test(name, run)
}
