/** Every fault and every scenario, with the whole engine around the adapter, on each of the three surfaces: only Omni can cancel and deliver. */
import { describe, test } from 'vitest'
import { providerCases, type ProviderUnderTest, type Simulator } from '../testing/index.ts'
import { google } from './index.ts'
import { scenariosOf } from './scenarios.ts'
import { createGoogleSimulator } from './simulator.ts'
import { googleVector } from '../../test/google-webhook-vector.ts'

const webhookSecret = googleVector.secret
const { delivery: _delivery, ...withoutWebhooks } = createGoogleSimulator()
const { cancel: _cancel, ...withoutCancel } = google()
const prompt = 'a fox'

/** A picture is made while the line is held; on the stage, whose clock stands still meanwhile, at once. */
const atOnce: Simulator = {
  ...withoutWebhooks,
  scenarios: scenariosOf('image'),
  answer: (exchange, desk) =>
    withoutWebhooks.answer(exchange, { ...desk, plan: text => ({ seconds: 0, ...desk.plan(text) }) }),
}

const surfaces: Record<string, ProviderUnderTest> = {
  image: {
    provider: withoutCancel,
    simulator: atOnce,
    requests: [
      { model: 'nano-banana-2', input: { prompt } },
      { model: 'gemini-3-pro-image', input: { prompt, size: 'landscape' } },
      { model: 'nano-banana-2-edit', input: { prompt } },
    ],
    images: 3,
  },
  veo: {
    provider: withoutCancel,
    simulator: { ...withoutWebhooks, scenarios: scenariosOf('veo') },
    requests: [{ model: 'veo-3.1-fast', input: { prompt, duration: 6 } }],
  },
  // A JWT does not cover the body; deliveries that are changed on their way are tried with the other signature.
  omni: {
    provider: google({ webhookSecret }),
    simulator: { ...createGoogleSimulator({ webhookSecret }), scenarios: scenariosOf('omni') },
    requests: [
      { model: 'gemini-omni-1.2-flash', input: { prompt, duration: 3 } },
      { model: 'gemini-omni-1.2-flash', input: { prompt, duration: 5, size: 'landscape' } },
    ],
  },
}

describe.each(Object.entries(surfaces))('google, %s', (_surface, underTest) => {
  for (const { name, run } of providerCases({ keyPrefix: 'AIza', ...underTest })) test(name, run)
})
