import { describe, test } from 'vitest'
import { providerCases, type Simulator } from '../testing/index.ts'
import { replicate } from './index.ts'
import { replicateSimulator } from './simulator.ts'

const requests = [
  { model: 'flux-dev', input: { prompt: 'a fox' } },
  { model: 'flux-kontext-pro', input: { prompt: 'a fox', size: 'square' } },
  { model: 'veo-3.1-fast', input: { prompt: 'a fox', size: 'landscape' } },
]
const common = { requests, keyPrefix: 'r8_', flagsOutputs: true }

describe('polled', () => {
  for (const { name, run } of providerCases({ provider: replicate(), simulator: replicateSimulator, ...common })) {
    test(name, run)
  }
})

/** Answers that are waited for come at once: the suite's clock stands still while a submit is on the line. */
const quick: Simulator = {
  ...replicateSimulator,
  answer: (exchange, desk) =>
    replicateSimulator.answer(exchange, { ...desk, plan: prompt => ({ seconds: 0, ...desk.plan(prompt) }) }),
}

describe('waited for', () => {
  for (const { name, run } of providerCases({ provider: replicate({ waitSeconds: 1 }), simulator: quick, ...common })) {
    test(name, run)
  }
})
