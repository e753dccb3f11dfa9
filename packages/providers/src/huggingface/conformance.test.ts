import { offer, type Route } from '@safelight/core'
import { describe, test } from 'vitest'
import { fluxDev, fluxSchnell, wanAi } from '../catalogue/index.ts'
import type { Scenario } from '../testing/kit/index.ts'
import { providerCases } from '../testing/index.ts'
import { huggingface } from './provider.ts'
import { huggingfaceModels } from './models.ts'
import { huggingfaceSimulatorAlone } from './simulator.ts'

const provider = huggingface()
const prompt = 'a fox'

describe('through fal', () => {
  const requests = [
    { model: 'flux-dev', input: { prompt } },
    { model: 'flux-2-klein-edit', input: { prompt } },
    { model: 'wan-2.2-5b', input: { prompt } },
    { model: 'qwen-image', input: { prompt, negativePrompt: 'rain' } },
    { model: 'stable-diffusion-3-medium', input: { prompt } },
  ]
  const test_ = { provider, simulator: huggingfaceSimulatorAlone, requests, flagsOutputs: true, keyPrefix: 'hf_' }
  for (const { name, run } of providerCases(test_)) test(name, run)
})

/** The same suite for each of the other parties: only its own route of the model, and only what it can say. */
const others = [
  { party: 'wavespeed', model: 'flux-dev', flagsOutputs: true, promised: fluxDev },
  { party: 'replicate', model: 'flux-dev', flagsOutputs: false, promised: fluxDev },
  { party: 'nscale', model: 'flux-schnell', flagsOutputs: false, promised: fluxSchnell },
  { party: 'together', model: 'flux-schnell', flagsOutputs: false, promised: fluxSchnell },
  {
    party: 'together',
    model: 'wan-ai',
    flagsOutputs: false,
    promised: wanAi,
    input: { duration: 5, size: 'landscape' },
  },
]

for (const { party, model, flagsOutputs, promised, input = {} } of others) {
  describe(`through ${party}: ${model}`, () => {
    const scenarios = huggingfaceSimulatorAlone.scenarios.filter(scenario => isOf(party, model, scenario))
    // Only fal and Replicate hear a cancel, and Replicate answers pictures at once.
    const { cancel: _, ...quiet } = huggingface()
    const models = [offer(promised, routeOf(model, party))]
    const under = {
      provider: { ...quiet, models },
      simulator: { ...huggingfaceSimulatorAlone, scenarios },
      requests: [{ model, input: { prompt, ...input } }],
      flagsOutputs,
      keyPrefix: 'hf_',
    }
    // The suite's clock may jump while an answer with a picture in it is still being read.
    const retry = party === 'nscale' || party === 'together' ? 2 : 0
    for (const { name, run } of providerCases(under)) test(name, { retry }, run)
  })
}

function routeOf(id: string, party: string): Route {
  const routes: readonly Route[] = huggingfaceModels.find(model => model.id === id)?.routes ?? []
  const route = routes.find(({ endpoint }) => endpoint.startsWith(`${party}:`))
  if (!route) throw new Error(`${id} has no route through ${party}`)
  return route
}

function isOf(party: string, model: string, { sheet, name }: Scenario): boolean {
  // Together's jobs are clips.
  if (name === 'together_failed') return model === 'wan-ai'
  if (/^(?:fal|wavespeed|replicate|together)_/.test(name)) return name.startsWith(`${party}_`)
  return /§(?:2|3|4)$/.test(sheet)
}
