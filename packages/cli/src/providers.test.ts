import { createStudio, sizeOf, type Token } from '@safelight/core'
import { createReferences } from '@safelight/server'
import { readEnvironment } from '@safelight/server/node'
import { describe, expect, it } from 'vitest'
import { describeProviders, loadAllProviders, loadProviders, shutdownNotice } from './providers.ts'
import { webhookUrlFrom } from './webhook-urls.ts'

const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const SECRET = 'a secret that is at least 32 characters'
const token = (provider: string, more: Partial<Token> = {}): Token => {
  return { provider, label: provider, secret: 's', account: provider, draining: false, maxOpen: null, ...more }
}

describe('providers', () => {
  it('are those with a key, also where it is only left to look', async () => {
    const tokens = [token('openai', { draining: true }), token('fal'), token('fal'), token('stranger')]
    const providers = await loadProviders({ tokens, baseUrls: {} })
    expect(providers.map(({ id }) => id)).toEqual(['fal', 'openai'])
    expect(await loadProviders({ tokens: [], baseUrls: {} })).toEqual([])
  })

  it('that hold the line come after those that let us look', async () => {
    const all = (await loadAllProviders({ baseUrls: {} })).map(({ id }) => id)
    expect(all).toEqual(['fal', 'wavespeed', 'replicate', 'bfl', 'runway', 'google', 'openai', 'huggingface'])
  })

  it('are named with their keys counted', () => {
    expect(describeProviders([])).toBe('demo')
    expect(describeProviders([token('fal'), token('bfl'), token('fal')])).toBe('fal (2 keys), bfl (1 key), demo')
  })
})

describe('a provider that is the only one with a key', async () => {
  const vendors = await loadAllProviders({ baseUrls: {} })
  it.each(vendors.map(vendor => [vendor.id, vendor] as const))(
    '%s takes its models as they are',
    async (id, vendor) => {
      const studio = createStudio({
        providers: vendors,
        tokens: [token(id)],
        fetch: () => Promise.reject(new Error('nobody is asked')),
      })
      const picture = await studio.upload({ source: PICTURE })
      const models = studio.models.filter(({ routes, lifecycle }) => {
        return lifecycle?.status !== 'disabled' && routes.some(({ provider }) => provider === id)
      })
      expect(models.length).toBeGreaterThan(0)
      for (const model of models) {
        const { job } = await studio.submit({
          model: model.id,
          input: { prompt: 'waves', ...(model.images?.required ? { images: [picture.id] } : {}) },
        })
        const route = model.routes.find(({ provider, takes }) => provider === id && (takes?.(job.input) ?? true))
        expect(route, model.id).toBeDefined()
        expect(sizeOf(model, job.input.size)).toBeDefined()
      }
      expect(vendor.models?.length).toBeGreaterThan(0)
      await studio.close()
    },
  )
})

describe('the notice of a model that ends', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  const noticeOf = (shutdownAt?: string, replacement?: string) => {
    const dates = { ...(shutdownAt ? { shutdownAt } : {}), ...(replacement ? { replacement } : {}) }
    return shutdownNotice({ id: 'old', lifecycle: { status: 'deprecated', ...dates } }, now)
  }

  it.each([
    ['2026-12-01', 'new', 'old will be shut down on 2026-12-01; use new instead.'],
    ['2026-12-23T11:59:00.000Z', undefined, 'old will be shut down on 2026-12-23.'],
    ['2026-12-24', undefined, null],
    ['2026-11-23', undefined, 'old was shut down on 2026-11-23.'],
    ['2025-01-01', 'new', 'old was shut down on 2025-01-01; use new instead.'],
    ['soon', undefined, null],
    [undefined, 'new', null],
  ])('on %s', (shutdownAt, replacement, expected) => {
    expect(noticeOf(shutdownAt, replacement)).toBe(expected)
  })

  it('is none for a model that stays', () => {
    expect(shutdownNotice({ id: 'new' }, now)).toBeNull()
  })
})

describe('where providers may call back', () => {
  const attempt = { provider: 'fal', jobId: crypto.randomUUID(), attemptId: crypto.randomUUID() }
  const urlWith = async (variables: Record<string, string>, provider = 'fal') =>
    (await webhookUrlFrom(readEnvironment({ SAFELIGHT_SECRET: SECRET, ...variables })))({ ...attempt, provider })

  it('is a reference that the server opens, signed with the secret that signs now', async () => {
    const old = 'another secret that is at least 32 characters'
    const url = new URL(
      (await urlWith({ SAFELIGHT_PUBLIC_URL: 'https://pictures.example', SAFELIGHT_SECRET_OLD: old })) ?? '',
    )
    const [, where, provider, reference = ''] = url.pathname.split('/')
    expect([url.origin, where, provider]).toEqual(['https://pictures.example', 'webhooks', 'fal'])
    const { jobId, attemptId } = attempt
    expect(createReferences([SECRET]).open(reference)).toEqual({ jobId, attemptId })
    expect(createReferences([old]).open(reference)).toBeNull()
  })

  it('is nowhere without an address that can be reached', async () => {
    expect(await urlWith({})).toBeNull()
    expect(await urlWith({ SAFELIGHT_PUBLIC_URL: 'http://pictures.example' })).toBeNull()
  })

  it('is this machine only for what runs here as well', async () => {
    const here = { SAFELIGHT_PUBLIC_URL: 'http://localhost:5000', FAL_KEY: 'k', FAL_REST_URL: 'http://127.0.0.1:1' }
    expect(await urlWith(here)).toMatch(/^http:\/\/localhost:5000\/webhooks\/fal\//)
    expect(await urlWith(here, 'replicate')).toBeNull()
    expect(await urlWith({ ...here, FAL_REST_URL: 'https://rest.fal.ai' })).toBeNull()
  })
})
