/** What an answer to a look means, by whoever makes the job. */
import type { Progress } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { HF, json, scripted } from '../../test/huggingface-calls.ts'
import { huggingface } from './index.ts'

describe('looks', () => {
  const look = (party: string, answers: Parameters<typeof scripted>[0]): Promise<Progress> => {
    const path =
      {
        'fal-ai': '/fal-ai/flux/requests/r',
        wavespeed: '/api/v3/predictions/r/result',
        replicate: '/v1/predictions/r',
        together: '/v2/videos/r',
      }[party] ?? ''
    return callerOf(huggingface(), scripted(answers).fetch, HF).look({ party, id: 'r', path })
  }
  const completed = json({ status: 'COMPLETED' })

  test.each<[string, Parameters<typeof scripted>[0], object]>([
    [
      'fal-ai',
      [json({ status: 'IN_QUEUE', queue_position: 3 }, 202)],
      { status: 'running', stage: 'queued', queuePosition: 3 },
    ],
    ['fal-ai', [json({ status: 'PONDERING' })], { status: 'running' }],
    ['fal-ai', [completed, json({ detail: 'Request is still in progress' }, 400)], { status: 'running' }],
    [
      'fal-ai',
      [completed, json({ images: [{ url: 'https://x.example/a' }], has_nsfw_concepts: [true] })],
      { status: 'done', outputs: [{ flagged: true }] },
    ],
    [
      'fal-ai',
      [completed, json({ images: [{ url: 'file:///etc/passwd' }] })],
      { status: 'failed', kind: 'no_output', paid: 'yes' },
    ],
    [
      'fal-ai',
      [completed, json({ detail: 'Blocked by the usage guidelines' }, 422)],
      { status: 'failed', kind: 'content_policy' },
    ],
    [
      'fal-ai',
      [completed, json({ detail: [{ type: 'value_error' }] }, 422, { 'x-fal-billable-units': '0' })],
      { kind: 'invalid_input', paid: 'no' },
    ],
    [
      'fal-ai',
      [json({ status: 'COMPLETED', error_type: 'runner_disconnected' }), json({}, 503)],
      { kind: 'provider_error', paid: 'no' },
    ],
    ['wavespeed', [json({ code: 200, data: { status: 'created' } })], { status: 'running', stage: 'queued' }],
    ['wavespeed', [json({ code: 200, data: { status: 'constructor' } })], { status: 'running' }],
    [
      'wavespeed',
      [json({ data: { status: 'completed', outputs: [{ url: 'https://x.example/a' }] } })],
      { status: 'done' },
    ],
    ['wavespeed', [json({ data: { status: 'completed', outputs: [] } })], { kind: 'no_output', paid: 'yes' }],
    [
      'wavespeed',
      [json({ data: { status: 'failed', error: 'sensitive content' } })],
      { kind: 'content_policy', paid: 'no' },
    ],
    ['replicate', [json({ status: 'processing', output: ['https://x.example/a'] })], { status: 'running' }],
    ['replicate', [json({ status: 'succeeded', output: 'https://x.example/a' })], { status: 'done' }],
    ['replicate', [json({ status: 'succeeded', output: null, data_removed: true })], { kind: 'no_output' }],
    ['together', [json({ status: 'in_progress' })], { status: 'running', lookAgainInSeconds: 2 }],
    ['together', [json({ status: 'completed', outputs: { video_url: 'https://x.example/a' } })], { status: 'done' }],
  ])('%s %#', async (party, answers, expected) => {
    expect(await look(party, answers)).toMatchObject(expected)
  })

  test.each(['fal-ai', 'wavespeed', 'replicate', 'together'])(
    '%s: what says nothing about the job is thrown',
    async party => {
      for (const status of [401, 403, 404, 429, 500, 503])
        await expect(look(party, [json({}, status)])).rejects.toThrow(`${status}`)
      await expect(look(party, [() => new Response('<html>')])).rejects.toThrow('no JSON')
      await expect(look(party, [json({ code: 500, message: 'x' })])).rejects.toThrow('no status')
    },
  )

  test.each([401, 403, 404, 429, 500, 502])('fal: a result with %i says nothing either', async status => {
    await expect(look('fal-ai', [completed, json({ detail: 'Service is busy' }, status)])).rejects.toThrow(`${status}`)
    const error = json({ status: 'COMPLETED', error: 'Invalid status code: 422' })
    await expect(look('fal-ai', [error, json({ detail: 'Service is busy' }, status)])).rejects.toThrow(`${status}`)
  })

  test.each([
    null,
    7,
    {},
    { party: 'nobody', id: 'x', path: '/x' },
    { party: 'fal-ai', id: 'x', path: 'https://evil.example/' },
  ])('an operation that is none of ours: %j', async operation => {
    const line = scripted([])
    await expect(callerOf(huggingface(), line.fetch, HF).look(operation)).rejects.toThrow('no operation')
    expect(line.asked).toEqual([])
  })
})
