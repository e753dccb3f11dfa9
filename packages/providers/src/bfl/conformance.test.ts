/** Every fault and every scenario, with the whole engine around the adapter. */
import { test } from 'vitest'
import { providerCases } from '../testing/index.ts'
import { bfl } from './index.ts'
import { bflSimulator } from './simulator.ts'

const prompt = 'a fox in snow'
const requests = [
  { model: 'flux-2-pro', input: { prompt } },
  { model: 'flux-kontext-pro', input: { prompt, size: 'square' } },
  { model: 'flux-3-video', input: { prompt, duration: 5 } },
]
for (const { name, run } of providerCases({ provider: bfl(), simulator: bflSimulator, requests, keyPrefix: 'bfl_' }))
  test(name, run)
