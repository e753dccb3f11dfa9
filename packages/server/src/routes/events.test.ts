import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEvents } from '../../test/event-reader.ts'
import { serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve({ settings: { limits: { userPerMinute: 1000, ipPerMinute: 10_000, windowSeconds: 60 } } })
})
afterAll(() => server.close())

async function startJob(client: Client, prompt: string = crypto.randomUUID()): Promise<{ id: string; prompt: string }> {
  server.stage.play(prompt, { status: 'running', fraction: 0.1 })
  const { body } = await client.submit(prompt)
  return { id: body.job.id, prompt }
}
const statesOf = (events: readonly { job: { state: string } }[]) => events.map(({ job }) => job.state)
const isRunning = ({ job }: { job: { state: string } }) => job.state === 'running'

describe('the events of one job', () => {
  test('begin at once, tell of every change, and end with its end', async () => {
    const me = await server.signIn()
    const { id, prompt } = await startJob(me)
    await using events = await readEvents(me, `/api/jobs/${id}/events`)
    const before = await events.until(isRunning)
    expect(before.at(-1)?.job.progress.fraction === null || before.at(-1)?.job.progress.fraction === 0.1).toBe(true)
    server.stage.finish(prompt)
    const after = await events.until(({ job }) => job.state === 'succeeded')
    expect(await events.next()).toBeUndefined()
    const all = [...before, ...after]
    const ids = all.map(event => Number(event.id))
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
    expect(all.at(-1)?.job).toEqual((await me.get(`/api/jobs/${id}`)).body.job)
  })

  test('of a finished job are one', async () => {
    const me = await server.signIn()
    const { body } = await me.submit('quick')
    await me.ended(body.job.id)
    await using events = await readEvents(me, `/api/jobs/${body.job.id}/events`)
    expect((await events.next())?.job.state).toBe('succeeded')
    expect(await events.next()).toBeUndefined()
  })

  test('resume after the last one, without repeating it', async () => {
    const me = await server.signIn()
    const { id, prompt } = await startJob(me)
    const first = await readEvents(me, `/api/jobs/${id}/events`)
    const last = (await first.until(isRunning)).at(-1)!
    await first.close()
    await using second = await readEvents(me, `/api/jobs/${id}/events`, last.id)
    server.stage.finish(prompt)
    const rest = await second.until(({ job }) => job.state === 'succeeded')
    expect(rest.every(event => Number(event.id) > Number(last.id))).toBe(true)
    const over = await readEvents(me, `/api/jobs/${id}/events`, rest.at(-1)!.id)
    expect(over.status).toBe(204)
  })

  test.each(['nonsense', '-1', '999999', '1e3', ''])('Last-Event-ID %j is as good as none', async lastEventId => {
    const me = await server.signIn()
    const { body } = await me.submit('quick')
    await me.ended(body.job.id)
    await using events = await readEvents(me, `/api/jobs/${body.job.id}/events`, lastEventId)
    expect((await events.next())?.job.state).toBe('succeeded')
  })

  test('tell of progress at most once a second, the latest, but of a new state at once', async () => {
    const me = await server.signIn()
    const { id, prompt } = await startJob(me)
    await using events = await readEvents(me, `/api/jobs/${id}/events`)
    await events.until(({ job }) => job.progress.fraction === 0.1)
    const startedAt = performance.now()
    let fraction = 0.1
    const ticking = setInterval(() => {
      fraction = Math.min(0.9, fraction + 0.005)
      server.stage.play(prompt, { status: 'running', fraction })
    }, 10)
    const two = [await events.next(), await events.next()]
    clearInterval(ticking)
    expect(performance.now() - startedAt).toBeGreaterThan(1000)
    expect(two[1]!.job.progress.fraction).toBeGreaterThan(two[0]!.job.progress.fraction)
    server.stage.finish(prompt)
    const rest = await events.until(({ job }) => job.state === 'succeeded')
    expect(rest.length).toBeLessThanOrEqual(4)
  })

  test('arrive also where another server moves the job', async () => {
    await using elsewhere = await serve({ database: () => server.database, worker: false })
    const me = await server.signIn()
    const { id, prompt } = await startJob(me)
    const there = await elsewhereClient(elsewhere, me)
    await using events = await readEvents(there, `/api/jobs/${id}/events`)
    await events.until(isRunning)
    server.stage.finish(prompt)
    expect((await events.until(({ job }) => job.state === 'succeeded')).length).toBeGreaterThan(0)
  })
})

/** The same person at another server; both know the secret. */
async function elsewhereClient(other: TestServer, me: Client): Promise<Client> {
  const Authorization = `Bearer ${me.accessToken}`
  return {
    ...other.nobody,
    fetch: (path, init = {}) => other.nobody.fetch(path, { ...init, headers: { ...init.headers, Authorization } }),
  }
}

describe('the events of everything', () => {
  test('tell of all jobs of the caller and of nobody else’s', async () => {
    const [me, other] = [await server.signIn(), await server.signIn()]
    const early = await startJob(me)
    await using events = await readEvents(me, '/api/events')
    const first = await events.until(isRunning)
    expect(first.every(({ id, job }) => job.id === early.id && id.startsWith(`${early.id}:`))).toBe(true)
    const theirs = await startJob(other)
    const late = await startJob(me)
    server.stage.finish(theirs.prompt)
    server.stage.finish(early.prompt)
    server.stage.finish(late.prompt)
    const ended = new Set<string>()
    const rest = await events.until(({ job }) => {
      if (job.state === 'succeeded') ended.add(job.id)
      return ended.size === 2
    })
    expect(ended).toEqual(new Set([early.id, late.id]))
    expect(rest.some(({ job }) => job.id === theirs.id)).toBe(false)
    const ids = [...first, ...rest].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('resume: what was said is not repeated, what was missed is told', async () => {
    const me = await server.signIn()
    const jobs = [await startJob(me), await startJob(me), await startJob(me)] as const
    const first = await readEvents(me, '/api/events')
    server.stage.finish(jobs[0].prompt)
    const running = new Set<string>()
    const heard = await first.until(({ job }) => {
      if (job.state === 'running' || job.state === 'succeeded') running.add(`${job.id} ${job.state}`)
      return running.has(`${jobs[0].id} succeeded`) && running.size >= 4
    })
    await first.close()
    server.stage.finish(jobs[1].prompt)
    await me.ended(jobs[1].id)
    await using second = await readEvents(me, '/api/events', heard.at(-1)!.id)
    server.stage.finish(jobs[2].prompt)
    const ended = new Set<string>()
    const rest = await second.until(({ job }) => {
      if (job.state === 'succeeded') ended.add(job.id)
      return ended.has(jobs[1].id) && ended.has(jobs[2].id)
    })
    const repeated = rest.filter(({ id }) => heard.some(event => event.id === id))
    expect(repeated).toEqual([])
    expect(ended.has(jobs[0].id)).toBe(false)
  })

  test('at a server that does not know the stream, what ended lately is told again rather than lost', async () => {
    await using elsewhere = await serve({ database: () => server.database, worker: false })
    const me = await server.signIn()
    const [one, two] = [await startJob(me), await startJob(me)]
    for (const { prompt } of [one, two]) server.stage.finish(prompt)
    await me.ended(one.id)
    await me.ended(two.id)
    const revision = (await server.database.jobs.find(two.id))!.revision
    await using events = await readEvents(await elsewhereClient(elsewhere, me), '/api/events', `${two.id}:${revision}`)
    expect((await events.next())?.job).toMatchObject({ id: one.id, state: 'succeeded' })
  })
})

describe('a stream', () => {
  test('needs somebody signed in, and a job of theirs', async () => {
    expect((await readEvents(server.nobody, '/api/events')).status).toBe(401)
    const me = await server.signIn()
    expect((await readEvents(me, `/api/jobs/${crypto.randomUUID()}/events`)).status).toBe(404)
  })

  test('is an event stream that no proxy may hold back', async () => {
    const me = await server.signIn()
    const leaving = new AbortController()
    const { headers } = await me.fetch('/api/events', { signal: leaving.signal })
    leaving.abort()
    expect(headers.get('Content-Type')).toBe('text/event-stream')
    expect(headers.get('Cache-Control')).toBe('no-store, no-transform')
    const head = await me.fetch('/api/events', { method: 'HEAD' })
    expect(head.headers.get('Content-Type')).toBe('text/event-stream')
  })

  test('is one of at most so many, and gives its place back', async () => {
    await using few = await serve({ options: { limits: { streamsPerUser: 2 } } })
    const me = await few.signIn()
    const open = [await readEvents(me, '/api/events'), await readEvents(me, '/api/events')]
    const refused = await me.get('/api/events')
    expect([refused.status, refused.body.code, refused.headers.get('Retry-After')]).toEqual([429, 'rate_limited', '5'])
    for (let times = 0; times < 5; times++) await me.fetch('/api/events', { method: 'HEAD' })
    await open[0]!.close()
    await expect
      .poll(async () => {
        const next = await readEvents(me, '/api/events')
        await next.close()
        return next.status
      })
      .toBe(200)
    await open[1]!.close()
  })

  test('ends after its time, so that its reader proves again who it is', async () => {
    await using short = await serve({ options: { limits: { streamSeconds: 0.2 } } })
    await using events = await readEvents(await short.signIn(), '/api/events')
    expect(await events.next()).toBeUndefined()
  })

  test('ends when the server stops', async () => {
    const stopping = await serve()
    await using events = await readEvents(await stopping.signIn(), '/api/events')
    const [end] = await Promise.all([events.next(), stopping.close()])
    expect(end).toBeUndefined()
  })

  test('listens no longer than its reader', async () => {
    let listening = 0
    await using counted = await serve()
    const me = await counted.signIn()
    const streams = await Promise.all(Array.from({ length: 8 }, () => readEvents(me, '/api/events')))
    listening = streams.filter(({ status }) => status === 200).length
    expect(listening).toBe(8)
    await Promise.all(streams.map(stream => stream.close()))
    // All places are free again only when every stream has let go.
    await expect
      .poll(
        async () => {
          const again = await Promise.all(Array.from({ length: 30 }, () => readEvents(me, '/api/events')))
          await Promise.all(again.map(stream => stream.close()))
          return again.every(({ status }) => status === 200)
        },
        { timeout: 20_000 },
      )
      .toBe(true)
  })
})

test('states are told in their order', async () => {
  const me = await server.signIn()
  const { id, prompt } = await startJob(me)
  await using events = await readEvents(me, `/api/jobs/${id}/events`)
  server.stage.finish(prompt)
  const order = ['queued', 'running', 'storing', 'succeeded']
  const states = statesOf(await events.until(({ job }) => job.state === 'succeeded'))
  expect(states).toEqual(states.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)))
})
