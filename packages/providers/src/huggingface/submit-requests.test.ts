/** What goes over the line when a job is handed over: where to, with whose key, and the body. */
import { SafelightError, type InputFile } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { HF, json, live, modelOf, scripted, submitWith } from '../../test/huggingface-calls.ts'
import { huggingface } from './index.ts'

describe('what goes over the line', () => {
  test('through the router: the doubled path, the queue, one key, and who pays', async () => {
    const line = scripted([json({ request_id: 'r1', response_url: 'https://queue.fal.run/fal-ai/flux/requests/r1' })])
    const submitted = await submitWith(line, { options: { billTo: 'acme' } })
    expect(submitted).toEqual({
      status: 'running',
      operation: { party: 'fal-ai', id: 'r1', path: '/fal-ai/flux/requests/r1' },
    })
    const [mapping, post] = line.asked
    expect(mapping?.url).toBe(
      'https://huggingface.co/api/models/black-forest-labs/FLUX.1-dev?expand[]=inferenceProviderMapping',
    )
    expect(mapping?.headers.get('authorization')).toBeNull()
    expect(post?.url).toBe('https://router.huggingface.co/fal-ai/fal-ai/flux/dev?_subdomain=queue')
    expect(post?.headers.get('authorization')).toBe('Bearer hf_secret0001')
    expect(post?.headers.get('x-hf-bill-to')).toBe('acme')
    expect(post?.body).toEqual({ prompt: 'a fox', image_size: { width: 768, height: 1344 }, num_images: 1, seed: 7 })
  })

  test.each([
    [
      'fal-ai',
      'flux-dev',
      'f1e2d3c4-0000-4000-8000-000000000000:abcdef',
      'https://queue.fal.run/fal-ai/flux/dev',
      'Key f1e2d3c4-0000-4000-8000-000000000000:abcdef',
    ],
    ['fal-ai', 'flux-dev', 'anykey', 'https://queue.fal.run/fal-ai/flux/dev', 'Key anykey'],
    ['fal-ai', 'flux-dev', 'fal-ai:anykey', 'https://queue.fal.run/fal-ai/flux/dev', 'Key anykey'],
    ['wavespeed', 'flux-dev', 'anykey', 'https://api.wavespeed.ai/api/v3/wavespeed-ai/flux-dev', 'Bearer anykey'],
    [
      'replicate',
      'flux-dev',
      'r8_x',
      'https://api.replicate.com/v1/models/black-forest-labs/flux-dev/predictions',
      'Bearer r8_x',
    ],
  ])('a key of %s’s own goes to its own host', async (party, id, secret, url, authorization) => {
    const line = scripted([json({ request_id: 'j1', id: 'j1', code: 200, data: { id: 'j1' }, status: 'starting' })])
    expect(await submitWith(line, { party, id, secret })).toMatchObject({ status: 'running', operation: { id: 'j1' } })
    expect(line.posts()).toMatchObject([{ url }])
    expect(line.posts()[0]?.headers.get('authorization')).toBe(authorization)
  })

  test.each([
    ['wavespeed', 'r8_ofReplicate'],
    ['wavespeed', 'f1e2d3c4-0000-4000-8000-000000000000:abcdef'],
    ['fal-ai', 'together:key'],
  ])('%s never sees the key %s', async (party, secret) => {
    const line = scripted([])
    expect(await submitWith(line, { party, secret })).toMatchObject({ kind: 'permission', scope: 'token', paid: 'no' })
    expect(line.posts()).toEqual([])
  })

  test('Hugging Face’s own machines take no key of anybody else', async () => {
    const line = scripted([])
    const refusal = await submitWith(line, { party: 'hf-inference', id: 'stable-diffusion-3-medium', secret: 'other' })
    expect(refusal).toMatchObject({ status: 'refused', kind: 'permission' })
  })

  test('pictures go in where the route says', async () => {
    const mapping = [
      { provider: 'fal-ai', ...live('fal-ai/flux-2/klein/9b/edit', 'image-to-image') },
      { provider: 'wavespeed', ...live('wavespeed-ai/flux-2-klein-9b/edit', 'image-to-image') },
    ]
    for (const [party, field] of [
      ['fal-ai', 'image_urls'],
      ['wavespeed', 'images'],
    ] as const) {
      const line = scripted([json({ request_id: 'j', code: 200, data: { id: 'j' } })], mapping)
      const caller = callerOf(huggingface(), line.fetch, HF)
      await caller.submit(modelOf('flux-2-klein-edit', party), { images: ['one', 'two'] })
      const written = line.posts()[0]?.body?.[field]
      expect(written).toEqual([expect.stringMatching(/^data:image\/png;base64,/), expect.stringMatching(/^data:/)])
    }
  })

  test.each([
    ['https://evil.example/../../../etc', '/fal-ai/flux/requests/r1'],
    ['not an address', '/fal-ai/flux/requests/r1'],
    ['https://router.huggingface.co/fal-ai/fal-ai/flux/requests/r1', '/fal-ai/flux/requests/r1'],
    ['https://queue.fal.run/workflows/me/mine/requests/r1', '/workflows/me/mine/requests/r1'],
  ])('%s is no reason to lose a job', async (response_url, path) => {
    const line = scripted([json({ request_id: 'r1', response_url }), json({ status: 'IN_PROGRESS' })])
    const caller = callerOf(huggingface(), line.fetch, HF)
    const submitted = await caller.submit(modelOf('flux-dev', 'fal-ai'))
    expect(submitted).toMatchObject({ operation: { path } })
    if (submitted.status === 'running') await caller.look(submitted.operation)
    expect(line.asked.at(-1)?.url).toBe(`https://router.huggingface.co/fal-ai${path}/status?_subdomain=queue`)
  })

  test('what is wrong before the request is a refusal that cost nothing', async () => {
    const tooLarge: InputFile = {
      id: 'x',
      contentType: 'image/png',
      bytes: 1e9,
      open: async () => new Blob([]).stream(),
    }
    const gone: InputFile = {
      ...tooLarge,
      bytes: 10,
      open: () => Promise.reject(new SafelightError('not_found', 'gone')),
    }
    const mapping = { 'fal-ai': live('fal-ai/flux-2/klein/9b/edit', 'image-to-image') }
    for (const [files, kind] of [
      [[tooLarge], 'invalid_input'],
      [[gone], 'unreachable'],
      [[], 'invalid_input'],
    ] as const) {
      const line = scripted([], mapping)
      const caller = callerOf(huggingface(), line.fetch, HF)
      const refusal = await caller.submit(modelOf('flux-2-klein-edit', 'fal-ai'), {}, { files: [...files] })
      expect(refusal).toMatchObject({ status: 'refused', kind, paid: 'no' })
      expect(line.posts()).toEqual([])
    }
    const caller = callerOf(huggingface(), scripted([]).fetch, HF)
    const strange = { endpoint: 'fal-ai:../../x', body: { prompt: 'a' } }
    expect(await caller.submit(modelOf('flux-dev', 'fal-ai'), {}, strange)).toMatchObject({ kind: 'invalid_input' })
    const aborted = { signal: AbortSignal.abort() }
    expect(await caller.submit(modelOf('flux-dev', 'fal-ai'), {}, aborted)).toMatchObject({
      kind: 'unreachable',
      paid: 'no',
    })
  })
})
