import { providerCases } from '@safelight/providers/testing'
import { test } from 'vitest'
import { acme } from './provider.ts'
import { acmeSimulator } from './simulator.ts'

const request = { model: 'acme-fox', input: { prompt: 'a fox' } }
for (const { name, run } of providerCases({ provider: acme(), simulator: acmeSimulator, requests: [request] }))
  test(name, run)
