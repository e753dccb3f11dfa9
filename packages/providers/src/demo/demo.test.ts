import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { accepted, bytesOf, call, finished, inputFile, look, made, submission } from '../../test/demo.ts'
import { demo, demoModels } from './index.ts'

const provider = demo()

describe('a job', () => {
  test('is accepted at once, comes on, and is done', async () => {
    const operation = await accepted(provider, { body: { count: 2 } })
    const { last, seen } = await finished(provider, operation)
    if (last.status !== 'done') throw new Error(last.message)
    expect(last.outputs.map(({ contentType }) => contentType)).toEqual(['image/png', 'image/png'])
    expect(last.outputs.every(({ expiresAt = 0 }) => expiresAt > Date.now() + 3_600_000)).toBe(true)

    const fractions = seen.flatMap(({ fraction }) => fraction ?? [])
    expect(fractions.length).toBeGreaterThan(5)
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    expect(Math.max(...fractions)).toBeLessThan(1)
  })

  test('of the same attempt is the same job', async () => {
    const wish = { attemptId: crypto.randomUUID() }
    const together = await Promise.all([accepted(provider, wish), accepted(provider, wish)])
    const operations = [...together, await accepted(provider, wish)]
    expect(new Set(operations.map(operation => (operation as { id: string }).id)).size).toBe(1)
    const { last } = await finished(provider, operations[0] ?? null)
    expect(last.status).toBe('done')
    expect(await look(provider, operations[2] ?? null)).toEqual(last)
  })

  test('can be looked at where nobody knows it: it is made again', async () => {
    const operation = await accepted(provider, { body: { prompt: 'dunes #seconds=0' } })
    const [here, there] = await Promise.all([provider, demo()].map(each => finished(each, operation)))
    expect(here?.last).toEqual(there?.last)
  })

  test('takes as long as it is told to, and develops smoothly meanwhile', async () => {
    const startedAt = Date.now()
    const { seen } = await finished(provider, await accepted(provider, { body: { prompt: 'a lake #seconds=3' } }))
    expect(Date.now() - startedAt).toBeGreaterThan(2_900)
    const fractions = seen.flatMap(({ fraction }) => fraction ?? [])
    expect(new Set(fractions.map(fraction => Math.floor(fraction * 10))).size).toBeGreaterThanOrEqual(6)
    const previews = new Set(seen.flatMap(({ preview }) => preview ?? []))
    expect(previews.size).toBeGreaterThanOrEqual(3)
    for (const preview of previews) {
      expect(preview).toMatch(/^data:image\/webp;base64,/)
      expect(preview.length).toBeLessThanOrEqual(8_192)
    }
  })
})

describe('the queue', () => {
  test('says where one stands, and moves up', async () => {
    const narrow = demo({ maxWorkers: 1 })
    const body = { prompt: 'waves #seconds=0', width: 512, height: 512 }
    const operations = []
    for (let index = 0; index < 3; index += 1)
      operations.push(await accepted(narrow, { body: { ...body, seed: String(index) } }))
    const waiting = await look(narrow, operations[2] ?? null)
    expect(waiting).toMatchObject({ status: 'running', stage: 'queued', queuePosition: 2, fraction: null })
    const ends = await Promise.all(operations.map(operation => finished(narrow, operation)))
    expect(ends.map(({ last }) => last.status)).toEqual(['done', 'done', 'done'])
  })

  test('is rid of what is cancelled, and goes on with the next', async () => {
    const narrow = demo({ maxWorkers: 1 })
    const long = { endpoint: 'demo/video', body: { prompt: 'a forest', width: 768, height: 432, duration: 5 } }
    const first = await accepted(narrow, long)
    const second = await accepted(narrow, { ...long, body: { ...long.body, seed: '8' } })
    const third = await accepted(narrow, { body: { prompt: 'a lake #seconds=0' } })
    for (const operation of [second, first]) await narrow.cancel({ ...call('cancel'), operation })
    expect(await look(narrow, first)).toMatchObject({ status: 'failed', kind: 'canceled', paid: 'no' })
    expect(await look(narrow, second)).toMatchObject({ status: 'failed', kind: 'canceled', paid: 'no' })
    const startedAt = Date.now()
    expect((await finished(narrow, third)).last.status).toBe('done')
    expect(Date.now() - startedAt).toBeLessThan(8_000)
  })

  test('leaves alone what is done, and what is cancelled already', async () => {
    const done = await accepted(provider, { body: { prompt: 'a lake #seconds=0' } })
    await finished(provider, done)
    await provider.cancel({ ...call('cancel'), operation: done })
    expect((await look(provider, done)).status).toBe('done')
    const open = await accepted(provider, { body: { prompt: 'a lake #seconds=60' } })
    for (let index = 0; index < 2; index += 1) await provider.cancel({ ...call('cancel'), operation: open })
    expect(await look(provider, open)).toMatchObject({ status: 'failed', kind: 'canceled' })
  })
})

describe('directives', () => {
  test('#refuse is refused at submit', async () => {
    const refused = await provider.submit(submission({ body: { prompt: 'a lake #refuse' } }))
    expect(refused).toMatchObject({ status: 'refused', kind: 'invalid_input', scope: 'request', paid: 'no' })
  })

  test('#fail is accepted, begins, and fails', async () => {
    const { last, seen } = await finished(provider, await accepted(provider, { body: { prompt: '#fail a lake' } }))
    expect(last).toMatchObject({ status: 'failed', kind: 'provider_error', paid: 'no' })
    expect(seen.length).toBeGreaterThan(3)
  })

  test('#flag is done, with every output flagged', async () => {
    const operation = await accepted(provider, { body: { prompt: 'a lake #flag #seconds=0', count: 2 } })
    const { last } = await finished(provider, operation)
    expect(last).toMatchObject({ status: 'done', outputs: [{ flagged: true }, { flagged: true }] })
  })

  test('#partial makes one less than asked for, down to none', async () => {
    for (const count of [1, 3]) {
      const operation = await accepted(provider, { body: { prompt: 'a lake #partial #seconds=0', count } })
      const { last } = await finished(provider, operation)
      expect(last.status === 'done' && last.outputs).toHaveLength(count - 1)
    }
  })

  test('#hang never ends, except by cancelling', async () => {
    const operation = await accepted(provider, { body: { prompt: 'a lake #hang #seconds=0' } })
    for (let index = 0; index < 10; index += 1) {
      expect(await look(provider, operation)).toMatchObject({ status: 'running' })
      await setTimeout(20)
    }
    await provider.cancel({ ...call('cancel'), operation })
    expect(await look(provider, operation)).toMatchObject({ status: 'failed', kind: 'canceled' })
  })

  test('change nothing in the picture', async () => {
    const [plain] = await made(provider, { body: { prompt: 'a lake at dawn' } })
    const [hasty] = await made(provider, { body: { prompt: '#seconds=0 a lake at dawn' } })
    expect(hasty).toEqual(plain)
  })

  test('are whole words only', async () => {
    for (const prompt of ['a #failure', 'a#fail', '#hanging', '#seconds=', '#refuse=1']) {
      expect((await provider.submit(submission({ body: { prompt } }))).status).toBe('running')
    }
  })
})

describe('refuses', () => {
  test.each([
    ['no object', null],
    ['an empty prompt', { prompt: '' }],
    ['a prompt without end', { prompt: 'x'.repeat(4_001) }],
    ['no seed', { seed: null }],
    ['a seed that is no number', { seed: '-1' }],
    ['a count of nothing', { count: 0 }],
    ['a count too high', { count: 5 }],
    ['half a pixel', { width: 96.5 }],
    ['a wall', { width: 4_096 }],
    ['a stamp', { height: 8 }],
    ['an unknown style', { style: 'grand' }],
    ['a film without end', { duration: 600 }],
  ])('%s', async (_, body) => {
    const submitted = await provider.submit({
      ...submission({}),
      body: body && { ...(submission({}).body as object), ...body },
    })
    expect(submitted).toMatchObject({ status: 'refused', kind: 'invalid_input', scope: 'request', paid: 'no' })
  })

  test('odd sides of a video, an edit without a picture, and endpoints it lacks', async () => {
    const odd = await provider.submit(submission({ endpoint: 'demo/video', body: { width: 97 } }))
    expect(odd).toMatchObject({ status: 'refused', kind: 'invalid_input' })
    const bare = await provider.submit(submission({ endpoint: 'demo/edit' }))
    expect(bare).toMatchObject({ status: 'refused', kind: 'invalid_input' })
    const elsewhere = await provider.submit(submission({ endpoint: 'demo/music' }))
    expect(elsewhere).toMatchObject({ status: 'refused', kind: 'model_unavailable', scope: 'model' })
  })

  test('operations and outputs that are not its own', async () => {
    for (const operation of [null, 'x', {}, { id: '../../etc', endpoint: 'demo/image', body: {}, acceptedAt: 1 }]) {
      await expect(look(provider, operation)).rejects.toThrow('no operation of the demo provider')
    }
    for (const url of ['demo:../x/0', 'demo:x/0', `demo:${'0'.repeat(32)}/0`, 'https://example.com/a.png', '']) {
      await expect(bytesOf(provider, { url })).rejects.toThrow('no such output')
    }
  })

  test('to go on after an abort', async () => {
    const aborted = AbortSignal.abort(new Error('no more'))
    await expect(provider.submit({ ...submission({}), signal: aborted })).rejects.toThrow('no more')
    await expect(provider.look({ ...call('look', aborted), operation: null })).rejects.toThrow('no more')
  })

  test('a picture to start from that is none: the job fails, and nothing was spent', async () => {
    const files = [inputFile(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'))]
    const { last } = await finished(provider, await accepted(provider, { endpoint: 'demo/edit', files }))
    expect(last).toMatchObject({ status: 'failed', kind: 'invalid_input', paid: 'no' })
    const text = [inputFile(new TextEncoder().encode('hello'), 'text/plain')]
    const submitted = await provider.submit(submission({ endpoint: 'demo/edit', files: text }))
    expect(submitted).toMatchObject({ status: 'refused', kind: 'invalid_input' })
  })
})

test('its models promise what the endpoints take', async () => {
  expect(provider.models).toBe(demoModels)
  for (const model of demoModels) {
    for (const size of Object.values(model.sizes)) {
      for (const { provider: id, endpoint, body } of model.routes) {
        const input = { prompt: 'x #refuse', size: 'square' as const, count: 1, seed: '1', duration: 3, style: 'elite' }
        const submitted = await provider.submit({ ...submission({ endpoint }), body: body(input, size) })
        // it gets as far as the directive, so everything before it was right
        expect([id, submitted]).toMatchObject([
          'demo',
          { status: 'refused', message: expect.stringContaining('#refuse') as string },
        ])
      }
    }
  }
})
