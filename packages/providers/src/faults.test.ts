/** Every provider, every fault: one paid job or a typed refusal, the right output or the credits back once, books that agree. */
import { describe, test } from 'vitest'
import { bfl } from './bfl/index.ts'
import { bflSimulator } from './bfl/simulator.ts'
import { fal } from './fal/index.ts'
import { falSimulator } from './fal/simulator.ts'
import { replicate } from './replicate/index.ts'
import { replicateSimulator } from './replicate/simulator.ts'
import { runway } from './runway/index.ts'
import { runwaySimulator } from './runway/simulator.ts'
import { providerCases, type ProviderUnderTest } from './testing/index.ts'
import { wavespeed } from './wavespeed/index.ts'
import { wavespeedSimulator } from './wavespeed/simulator.ts'

const prompt = 'a fox in snow'
const image = (model: string) => ({ model, input: { prompt, size: 'square' } })

const video = (model: string) => ({ model, input: { prompt, size: 'landscape', duration: 5 } })

const PROVIDERS: ProviderUnderTest[] = [
  {
    provider: fal(),
    simulator: falSimulator,
    requests: [...['flux-schnell', 'nano-banana-2', 'flux-kontext-pro'].map(image), video('lovely')],
    flagsOutputs: true,
  },
  {
    provider: wavespeed(),
    simulator: wavespeedSimulator,
    requests: [...['flux-schnell', 'flux-kontext-pro'].map(image), video('lovely')],
    flagsOutputs: true,
  },
  {
    provider: runway(),
    simulator: runwaySimulator,
    requests: [{ model: 'elite', input: { prompt, size: 'landscape', duration: 5 } }],
    keyPrefix: 'key_',
  },
  { provider: replicate(), simulator: replicateSimulator, requests: ['flux-schnell'].map(image), keyPrefix: 'r8_' },
  {
    provider: bfl(),
    simulator: bflSimulator,
    requests: ['flux-2-pro', 'flux-kontext-pro'].map(image),
    keyPrefix: 'bfl_',
  },
]

describe.each(PROVIDERS)('$provider.id', underTest => {
  for (const { name, run } of providerCases(underTest)) test(name, run)
})
