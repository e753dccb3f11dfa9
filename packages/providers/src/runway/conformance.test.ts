/** Every fault and every scenario, with the whole engine around the adapter. */
import { test } from 'vitest'
import { providerCases } from '../testing/index.ts'
import { runway } from './index.ts'
import { runwaySimulator } from './simulator.ts'

const prompt = 'a fox in snow'
const requests = [{ model: 'elite', input: { prompt, size: 'landscape', duration: 5 } }]
for (const { name, run } of providerCases({
  provider: runway(),
  simulator: runwaySimulator,
  requests,
  keyPrefix: 'key_',
}))
  test(name, run)
