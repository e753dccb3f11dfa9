/** A directory belongs to one process, and what that process acknowledged survives its death. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { postgres } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { pglite } from './pglite.ts'

let folder: string
let directory: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safelight-pglite-'))
  directory = join(folder, 'database')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Child {
  process: ChildProcessByStdio<Writable, Readable, null>
  lines: AsyncIterator<string>
  next: () => Promise<{ opened?: true; refused?: string; admitted?: string }>
}

function child(...args: string[]): Child {
  const script = fileURLToPath(new URL('testing/lock-child.ts', import.meta.url))
  const flags = ['--conditions=@safelight/source', '--no-warnings', script, ...args]
  const process_ = spawn(process.execPath, flags, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value ?? '{}') as object
  return { process: process_, lines, next }
}
async function kill({ process: it }: Child): Promise<void> {
  const gone = once(it, 'exit')
  it.kill('SIGKILL')
  await gone
}

test('a second instance in the same process is refused in one sentence, also by another name of the directory', async () => {
  const first = await pglite(directory)
  await expect(pglite(directory)).rejects.toThrow(/database is already open in this process/)
  await symlink(directory, join(folder, 'other-name'))
  await expect(pglite(join(folder, 'other-name'))).rejects.toThrow(/already open in this process/)
  await first.close()
  await (await pglite(directory)).close()
})

test('a second process is told who has it, and gets it when the first one closes', async () => {
  const holder = child(directory)
  expect(await holder.next()).toEqual({ opened: true })
  await expect(pglite(directory)).rejects.toThrow(
    `database is in use by process ${holder.process.pid}; one process at a time can open it.`,
  )
  const gone = once(holder.process, 'exit')
  holder.process.stdin.write('close')
  await gone
  await (await pglite(directory)).close()
})

test('the lock of a process that was killed, or that ended without closing, is taken over', async () => {
  const killed = child(directory, 'lock')
  expect(await killed.next()).toEqual({ opened: true })
  await kill(killed)
  expect(await readdir(`${directory}.lock`)).toHaveLength(1)
  const ended = child(directory)
  expect(await ended.next()).toEqual({ opened: true })
  const gone = once(ended.process, 'exit')
  ended.process.stdin.write('end')
  await gone
  expect(await readdir(`${directory}.lock`)).toEqual([])
  await (await pglite(directory)).close()
})

test('a number that another process has got since does not keep a dead one’s claim', async () => {
  const host = hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-')
  await mkdir(`${directory}.lock`, { recursive: true })
  await writeFile(join(`${directory}.lock`, `${host}_${process.ppid}_long-ago_x`), '')
  const lock = await lockDirectory(directory)
  expect(await readdir(`${directory}.lock`)).toHaveLength(1)
  lock.release()
})

test('a claim from another machine is believed, and the sentence says what to do about it', async () => {
  await mkdir(`${directory}.lock`, { recursive: true })
  const file = join(`${directory}.lock`, 'elsewhere_7_boot-1_x')
  await writeFile(file, '')
  await expect(lockDirectory(directory)).rejects.toThrow(
    `is in use by process 7 on elsewhere; if that machine is gone, delete ${file}.`,
  )
})

test('of six processes that find a dead one’s lock at once, never two get it', async () => {
  let winnersInAll = 0
  for (let round = 0; round < 3; round++) {
    const dead = child(directory, 'lock')
    await dead.next()
    await kill(dead)
    const rivals = Array.from({ length: 6 }, () => child(directory, 'lock'))
    const answers = await Promise.all(rivals.map(rival => rival.next()))
    const winners = rivals.filter((_, index) => answers[index]?.opened)
    expect(winners.length).toBeLessThanOrEqual(1)
    winnersInAll += winners.length
    for (const answer of answers) if (!answer.opened) expect(answer.refused).toMatch(/is in use by process \d+/)
    for (const winner of winners) await kill(winner)
  }
  expect(winnersInAll).toBeGreaterThan(0)
})

test('a database that cannot be opened leaves no lock behind', async () => {
  await mkdir(directory)
  await writeFile(join(directory, 'PG_VERSION'), 'not a version')
  await expect(pglite(directory)).rejects.toThrow()
  expect(await readdir(`${directory}.lock`)).toEqual([])
})

test('a process that is killed while it writes loses nothing that it acknowledged', async () => {
  const writer = child(directory, 'admit')
  const acknowledged: string[] = []
  expect(await writer.next()).toEqual({ opened: true })
  for (let round = 0; acknowledged.length < 40; round++) {
    const { admitted } = await writer.next()
    if (admitted) acknowledged.push(admitted)
  }
  writer.process.kill('SIGKILL')
  for (let line = await writer.lines.next(); !line.done; line = await writer.lines.next()) {
    const { admitted } = JSON.parse(line.value) as { admitted?: string }
    if (admitted) acknowledged.push(admitted)
  }
  const driver = await pglite(directory)
  const database = postgres(driver)
  for (const id of acknowledged) expect((await database.jobs.find(id))?.state, id).toBe('charged')
  const [books] = await driver.query(`
    select count(*) filter (where l.kind = 'charge')::integer as charges, sum(l.delta)::integer as sum,
           (select sum(balance)::integer from public.credit_accounts) as balances,
           (select count(*)::integer from public.generation_jobs) as jobs,
           (select count(*)::integer from public.credit_references where charged_seq is not null) as charged
      from public.credit_ledger l`)
  expect(books?.['jobs']).toBeGreaterThanOrEqual(acknowledged.length)
  expect(books?.['jobs']).toBeLessThanOrEqual(acknowledged.length + 1)
  expect(books).toMatchObject({ charges: books?.['jobs'], charged: books?.['jobs'], balances: books?.['sum'] })
  await driver.close()
})
