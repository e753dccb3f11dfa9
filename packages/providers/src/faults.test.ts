/** Every provider, every fault: one paid job or a typed refusal, the right output or the credits back once, books that agree. */
import { describe, test } from 'vitest'
import { bfl } from './bfl/index.ts'
import { bflSimulator } from './bfl/simulator.ts'
import { replicate } from './replicate/index.ts'
import { replicateSimulator } from './replicate/simulator.ts'
import { providerCases, type ProviderUnderTest } from './testing/index.ts'

const prompt = 'a fox in snow'
const image = (model: string) => ({ model, input: { prompt, size: 'square' } })

const PROVIDERS: ProviderUnderTest[] = [
  { provider: replicate(), simulator: replicateSimulator, requests: ['flux-schnell'].map(image), keyPrefix: 'r8_' },
  { provider: bfl(), simulator: bflSimulator, requests: ['flux-2-pro', 'flux-kontext-pro'].map(image), keyPrefix: 'bfl_' },
]

describe.each(PROVIDERS)('$provider.id', underTest => {
  for (const { name, run } of providerCases(underTest)) test(name, run)
})
