import { memoryDatabase, memoryMedia, type Database, type MediaStore } from '@safelight/core'
import { migrate, postgres, type SqlDriver } from '@safelight/postgres'
import { pglite } from '@safelight/postgres/pglite'
import { newUser } from '@safelight/postgres/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type LogLine, serve } from '../../test/serve.ts'
import type { Log } from '../options.ts'
import { TASKS } from './tasks.ts'
import { createUpkeep, keepUp } from './upkeep.ts'

const PNG = Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='), c => c.charCodeAt(0)) // prettier-ignore
const never = new AbortController().signal

let driver: SqlDriver
let database: Required<Database>
const lines: LogLine[] = []
const log: Log = (level, event, fields = {}) => void lines.push({ level, event, fields })
const events = () => lines.splice(0).map(({ level, event }) => `${level} ${event}`)
beforeAll(async () => {
  driver = await pglite()
  await migrate(driver)
  database = postgres(driver)
})
afterAll(() => driver.close())
afterEach(() => vi.useRealTimers())

/** As when every interval has passed. */
const nextTurn = () => driver.query('delete from public.upkeep_runs')

async function expiredPicture(media: MediaStore): Promise<string> {
  const userId = await newUser(driver)
  const key = `pictures/${crypto.randomUUID()}`
  const file = await media.save(key, new Blob([PNG]).stream(), { maxBytes: 1000 })
  const row = { id: crypto.randomUUID(), userId, kind: 'image', jobId: null, index: 0, file } as const
  await database.library.add({ ...row, expiresAt: Date.now() - 1000 })
  return key
}
const isThere = async (media: MediaStore, key: string) => (await media.find(key)).length === 1

describe('a turn', () => {
  test('of every task is had by one of several servers', async () => {
    const claims: string[] = []
    const counting: Database = {
      ...database,
      async claimUpkeep(task, everySeconds) {
        const claimed = await database.claimUpkeep(task, everySeconds)
        if (claimed) claims.push(task)
        return claimed
      },
    }
    const servers = Array.from({ length: 4 }, () => createUpkeep({ database: counting, media: memoryMedia() }, log)!)
    await Promise.all(servers.map(upkeep => upkeep.run(TASKS, never)))
    expect(claims.toSorted()).toEqual(TASKS.map(({ name }) => name).toSorted())
    expect(events().filter(event => event.startsWith('error'))).toEqual([])
  })

  test('deletes the files of what has expired, after the row says so, and again where it failed', async () => {
    await nextTurn()
    const media = memoryMedia()
    const [first, second] = [await expiredPicture(media), await expiredPicture(media)]
    let refuses = true
    const failing: MediaStore = {
      ...media,
      async delete(key) {
        const [row] = await driver.query('select archived_at from public.media where storage_key = $1', [key])
        expect(row?.['archived_at']).not.toBeNull()
        if (refuses && key === first) throw new Error('the disk is gone')
        await media.delete(key)
      },
    }
    const upkeep = createUpkeep({ database, media: failing }, log)!
    await upkeep.run(TASKS, never)
    expect([await isThere(media, first), await isThere(media, second)]).toEqual([true, false])
    expect(events()).toContain('error files of archived media could not be deleted')
    refuses = false
    await upkeep.run(TASKS, never)
    expect(await isThere(media, first)).toBe(true)
    await nextTurn()
    await upkeep.run(TASKS, never)
    expect(await isThere(media, first)).toBe(false)
    expect(events().filter(event => event.startsWith('error'))).toEqual([])
    expect((await database.archiveExpiredMedia()).keys).toEqual([])
  })

  test('tells the log of books that do not add up and of what is odd, and goes on when a task fails', async () => {
    await nextTurn()
    const userId = await newUser(driver)
    await driver.query('update public.credit_accounts set balance = 5 where user_id = $1', [userId])
    const broken: Database = { ...database, trimHistory: () => Promise.reject(new Error('no answer')) }
    await createUpkeep({ database: broken, media: memoryMedia() }, log)!.run(TASKS, never)
    const told = lines.splice(0)
    expect(told.map(({ level, event }) => [level, event])).toEqual(
      expect.arrayContaining([
        ['error', 'the books do not add up'],
        ['warn', 'something to look at'],
        ['error', 'upkeep failed'],
      ]),
    )
    expect(told.find(({ event }) => event === 'upkeep failed')?.fields).toMatchObject({ task: 'trim' })
    expect(JSON.stringify(told)).not.toContain(userId)
  })

  test('begins nothing more once the server is stopping', async () => {
    await nextTurn()
    const media = memoryMedia()
    const keys = [await expiredPicture(media), await expiredPicture(media), await expiredPicture(media)]
    const stopping = new AbortController()
    const stopped: MediaStore = {
      ...media,
      async delete(key) {
        stopping.abort()
        await media.delete(key)
      },
    }
    await createUpkeep({ database, media: stopped }, log)!.run(TASKS, stopping.signal)
    const left = await Promise.all(keys.map(key => isThere(media, key)))
    expect(left.filter(Boolean)).toHaveLength(2)
    await nextTurn()
    await createUpkeep({ database, media }, log)!.run(TASKS, never)
    expect(await Promise.all(keys.map(key => isThere(media, key)))).toEqual([false, false, false])
  })
})

describe('a server', () => {
  test('asks for every task within the hour, and stops when it is told to', async () => {
    vi.useFakeTimers()
    const asked: string[] = []
    const counted = {
      run: async (tasks: readonly { name: string }[]) => void asked.push(...tasks.map(({ name }) => name)),
    }
    const stopping = new AbortController()
    const done = keepUp(counted, stopping.signal)
    expect(asked).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked.toSorted()).toEqual(TASKS.map(({ name }) => name).toSorted())
    await vi.advanceTimersByTimeAsync(24 * 3_600_000)
    for (const { name } of TASKS) {
      const times = asked.filter(each => each === name).length
      expect(times).toBeGreaterThanOrEqual(22)
      expect(times).toBeLessThanOrEqual(25)
    }
    stopping.abort()
    await done
    const { length } = asked
    await vi.advanceTimersByTimeAsync(24 * 3_600_000)
    expect(asked).toHaveLength(length)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that keeps everything in memory has none', () => {
    expect(createUpkeep({ database: memoryDatabase(), media: memoryMedia() }, log)).toBeNull()
  })

  test('does what is due with a sweep, and nothing of it twice', async () => {
    await nextTurn()
    const sweepSecret = 'sweep-secret-of-a-test'
    const runs = async () => (await driver.query('select task from public.upkeep_runs')).length
    await using server = await serve({ database: () => ({ ...database, close: async () => undefined }), options: { sweepSecret }, worker: false }) // prettier-ignore
    expect(await runs()).toBe(0)
    const sweep = () =>
      server.nobody.fetch('/internal/sweep', { method: 'POST', headers: { Authorization: `Bearer ${sweepSecret}` } })
    expect((await sweep()).status).toBe(200)
    expect(await runs()).toBe(TASKS.length)
    const claimed = await driver.query('select * from public.upkeep_runs order by task')
    expect(await (await sweep()).json()).toEqual({ advanced: 0 })
    expect(await driver.query('select * from public.upkeep_runs order by task')).toEqual(claimed)
  })
})
