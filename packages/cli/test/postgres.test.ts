/** The whole app on a plain Postgres: real processes that share it, requests over HTTP. */
import { pg } from '@safelight/postgres/pg'
import { startPostgres, type PostgresServer } from '@safelight/postgres/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emptyFolder, safelight, startServer, type Server } from './processes.ts'
import { hasEnded, signIn } from './person.ts'

const SECRET = 'a-secret-of-at-least-32-characters-'
/** What a dead server was doing is left alone until its lease is over: half a minute, three times at most. */
const KILLED_SECONDS = 150

describe('safelight start with DATABASE_URL', () => {
  let postgres: PostgresServer
  let DATABASE_URL: string
  const servers: Server[] = []
  const start = async (cwd?: string): Promise<Server> => {
    const server = await startServer({
      cwd: cwd ?? (await emptyFolder()),
      env: { DATABASE_URL, SAFELIGHT_SECRET: SECRET },
    })
    servers.push(server)
    return server
  }
  beforeAll(async () => {
    postgres = await startPostgres()
    DATABASE_URL = await postgres.createDatabase()
  })
  afterAll(async () => {
    for (const { child, ended } of servers) {
      child.kill('SIGKILL')
      await ended
    }
    await postgres.close()
  })

  it('migrates an empty database, two at once, and makes pictures by the same account on both', async () => {
    const [one, two] = await Promise.all([start(), start()])
    const person = await signIn(one.url, 'ann@example.com')
    const { id } = await person.order('demo-image', { prompt: 'a red fox in snow' })
    const other = await signIn(two.url, 'ann@example.com')
    expect(await other.follow(id, hasEnded)).toMatchObject({ state: 'succeeded' })
    expect((await other.ledger()).map(({ delta }) => delta)).toEqual([-500, 3000])
    const stranger = await signIn(two.url, 'eve@example.com')
    await expect(stranger.get(`/api/jobs/${id}`)).rejects.toThrow(/404/)
  })

  it('counts the limits of a person over both', async () => {
    const [one, two] = servers as [Server, Server]
    const people = await Promise.all([one, two].map(({ url }) => signIn(url, 'bob@example.com')))
    const statuses = await Promise.all(
      Array.from({ length: 11 }, async (_, index) => {
        const answer = await people[index % 2]!.post('/api/jobs', { model: 'demo-image', input: { prompt: 'a fox' } })
        return answer.status
      }),
    )
    expect(statuses.toSorted((a, b) => a - b)).toEqual([202, 202, 202, 202, 202, 202, 402, 402, 402, 402, 429])
  })

  it('goes on with an open job after kill -9', { timeout: KILLED_SECONDS * 1000 }, async () => {
    for (const { child, ended } of servers) {
      child.kill('SIGTERM')
      await ended
    }
    const cwd = await emptyFolder()
    const first = await start(cwd)
    const person = await signIn(first.url, 'cleo@example.com')
    const { id } = await person.order('demo-image', { prompt: 'a fox #seconds=3' })
    await person.follow(id, ({ state }) => state === 'running')
    first.child.kill('SIGKILL')
    await first.ended
    const { url } = await start(cwd)
    const again = await signIn(url, 'cleo@example.com')
    expect(await again.follow(id, hasEnded)).toMatchObject({ state: 'succeeded', refundedCredits: 0 })
    expect((await again.ledger()).map(({ delta }) => delta)).toEqual([-500, 3000])
  })

  it('has no people of a project that is elsewhere, and says so', async () => {
    const env = {
      DATABASE_URL: await postgres.createDatabase(),
      SAFELIGHT_SECRET: SECRET,
      SUPABASE_URL: 'https://abc.supabase.co',
      SUPABASE_PUBLISHABLE_KEY: `sb_publishable_${'k'.repeat(20)}`,
    }
    const ended = await safelight(['start', '--no-page'], { cwd: await emptyFolder(), env }).ended
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^safelight: DATABASE_URL has to name the database of the Supabase project .*\n$/) as string }) // prettier-ignore
    // And has left nothing behind.
    const database = pg(env.DATABASE_URL)
    expect(await database.query(`select to_regnamespace('auth') as found`)).toEqual([{ found: null }])
    await database.close()
  })

  it('has said no password, secret or token, in all of this', () => {
    const said = servers.map(each => each.said()).join('\n')
    expect(said).toContain('safelight is ready')
    const { password } = new URL(DATABASE_URL)
    for (const word of [`:${password}@`, SECRET, 'eyJ']) expect(said).not.toContain(word)
  })
})
