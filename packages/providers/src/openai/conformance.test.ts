/** Every fault and every scenario, with the whole engine around the adapter. */
import { test } from 'vitest'
import { providerCases } from '../testing/index.ts'
import { openai } from './index.ts'
import { openaiSimulator } from './simulator.ts'

const prompt = 'a fox in snow'
const requests = [
  { model: 'gpt-image-2', input: { prompt, count: 2 } },
  { model: 'gpt-image-2-edit', input: { prompt } },
]
for (const { name, run } of providerCases({
  provider: openai(),
  simulator: openaiSimulator,
  requests,
  keyPrefix: 'sk-',
}))
  test(name, run)
