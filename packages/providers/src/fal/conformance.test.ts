/** Every fault and every scenario, with the whole engine around the adapter. */
import { test } from 'vitest'
import { providerCases } from '../testing/index.ts'
import { fal } from './index.ts'
import { falSimulator } from './simulator.ts'

const prompt = 'a fox in snow'
const requests = [
  { model: 'flux-schnell', input: { prompt } },
  { model: 'nano-banana-2', input: { prompt } },
  { model: 'flux-kontext-pro', input: { prompt } },
  { model: 'lovely', input: { prompt, size: 'landscape', duration: 5 } },
]
for (const { name, run } of providerCases({ provider: fal(), simulator: falSimulator, requests, flagsOutputs: true }))
  test(name, run)
