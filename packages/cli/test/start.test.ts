/** The whole app as a person gets it: a real process, a real database on disk, requests over HTTP. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from '@safelight/media'
import { describe, expect, it } from 'vitest'
import { folderWithDatabase, startServer } from './processes.ts'
import { hasEnded, personWith, signIn, untilGone, type Person } from './person.ts'

/** What a dead server was doing is left alone until its lease is over: half a minute, three times at most. */
const KILLED_SECONDS = 150

/** The one promise about money: the balance is what the ledger says. */
async function expectEven(person: Person): Promise<void> {
  const entries = await person.ledger()
  expect(await person.balance()).toBe(entries.reduce((sum, { delta }) => sum + delta, 0))
}

describe('safelight start', () => {
  it('makes pictures of exactly the promised size, and the ledger shows what they cost', async () => {
    const { url } = await startServer()
    const person = await signIn(url)
    const hashes = new Set<string>()
    for (const [prompt, size, width, height] of [
      ['a red fox in snow', 'portrait', 768, 1152],
      ['waves at night', 'landscape', 1152, 768],
    ] as const) {
      const job = await person.order('demo-image', { prompt, size })
      const done = await person.follow(job.id, hasEnded)
      expect(done).toMatchObject({ state: 'succeeded', media: [{ contentType: 'image/png', width, height }] })
      const bytes = await person.bytes(done.media[0]!.url)
      expect(await probe(bytes)).toMatchObject({ contentType: 'image/png', width, height })
      hashes.add(createHash('sha256').update(bytes).digest('hex'))
    }
    expect(hashes.size).toBe(2)
    expect(await person.balance()).toBe(2000)
    expect((await person.ledger()).map(({ kind, delta }) => [kind, delta])).toEqual([
      ['charge', -500],
      ['charge', -500],
      ['grant', 3000],
    ])
  })

  it('gives the credits back when a job fails, and shows both entries', async () => {
    const { url } = await startServer()
    const person = await signIn(url)
    const { id } = await person.order('demo-image', { prompt: 'a fox #fail' })
    const failed = await person.follow(id, hasEnded)
    expect(failed).toMatchObject({ state: 'failed', failure: { code: 'provider_failed' }, refundedCredits: 500 })
    const [refund, charge] = await person.ledger()
    expect([refund, charge]).toMatchObject([
      { kind: 'refund', delta: 500, balanceAfter: 3000, jobId: id },
      { kind: 'charge', delta: -500, balanceAfter: 2500, jobId: id },
    ])
  })

  it('goes on with every open job after kill -9', { timeout: KILLED_SECONDS * 1000 }, async () => {
    const cwd = await folderWithDatabase()
    const moments: ((person: Person, id: string) => Promise<unknown>)[] = [
      async () => undefined,
      (person, id) => person.follow(id, ({ state }) => state === 'running'),
    ]
    const ids: string[] = []
    for (const moment of moments) {
      const server = await startServer({ cwd })
      const person = await signIn(server.url)
      const { id } = await person.order('demo-image', { prompt: 'a fox #seconds=1' })
      ids.push(id)
      await moment(person, id)
      server.child.kill('SIGKILL')
      await server.ended
    }
    const { url } = await startServer({ cwd })
    const person = await signIn(url)
    const ended = await Promise.all(ids.map(id => person.follow(id, hasEnded)))
    for (const { state, price, refundedCredits } of ended) {
      expect(state === 'succeeded' ? 0 : price).toBe(refundedCredits)
    }
    // Nothing about this provider is lost in a crash, so both arrive.
    expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
    expect(await person.balance()).toBe(2000)
    await expectEven(person)
  })

  it('stops in good order on SIGTERM, and the open job goes on at the next start', async () => {
    const cwd = await folderWithDatabase()
    const first = await startServer({ cwd })
    const person = await signIn(first.url)
    const { id } = await person.order('demo-image', { prompt: 'a fox #seconds=3' })
    await person.follow(id, ({ state }) => state === 'running')
    first.child.kill('SIGTERM')
    expect(await first.ended).toMatchObject({ code: 0, signal: null })
    expect(await untilGone(first.url, 1)).toBe(true)
    await expect(stat(join(cwd, '.safelight/server.json'))).rejects.toThrow('ENOENT')

    const second = await startServer({ cwd })
    const again = await signIn(second.url)
    expect(await again.follow(id, hasEnded)).toMatchObject({ state: 'succeeded' })
    await expectEven(again)
  })

  it('leaves its address and a token that lets its owner in, readable by nobody else', async () => {
    const cwd = await folderWithDatabase()
    const { url, child, said } = await startServer({ cwd })
    const path = join(cwd, '.safelight/server.json')
    const file = JSON.parse(await readFile(path, 'utf8')) as { url: string; pid: number; token: string }
    expect(file).toMatchObject({ url, pid: child.pid })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(cwd, '.safelight/secret'))).mode & 0o777).toBe(0o600)
    expect(await personWith(url, file.token).balance()).toBe(3000)
    const secret = (await readFile(join(cwd, '.safelight/secret'), 'utf8')).trim()
    expect(said()).not.toContain(file.token)
    expect(said()).not.toContain(secret)
  })
})
