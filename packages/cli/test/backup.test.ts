/** A data directory, copied and brought back by real processes. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { writeArchive } from '../src/backups/archive.ts'
import { contentsOf, FORMAT } from '../src/backups/manifest.ts'
import { hasEnded, signIn, type JobAnswer, type Person } from './person.ts'
import { emptyFolder, folderWithDatabase, safelight, startServer, watchProcess, type Ended } from './processes.ts'

const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url))

const oneSentence = (words: RegExp, code = 1) => ({
  code,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(`^safelight: [^\n]*${words.source}[^\n]*\n$`)) as string,
})

const run = (cwd: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  safelight(args, { cwd, ...(env ? { env } : {}) }).ended

/** As `run`, where no file may grow beyond so many bytes: the write fails as it does on a disk that is full. */
function runWithin(maxBytes: number, cwd: string, args: readonly string[]): Promise<Ended> {
  const script = `ulimit -f ${Math.floor(maxBytes / 512)}; exec "$0" "$@"`
  const command = [process.execPath, '--conditions=@safelight/source', BIN, ...args]
  const env = { PATH: process.env['PATH'] }
  return watchProcess(spawn('sh', ['-c', script, ...command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })).ended
}

async function pictureOf(person: Person, jobId: string): Promise<Uint8Array> {
  const { job } = await person.get<{ job: JobAnswer }>(`/api/jobs/${jobId}`)
  return person.bytes(job.media[0]!.url)
}

describe('safelight backup and restore', () => {
  it('bring back every credit and every picture, and people stay signed in', async () => {
    const from = await folderWithDatabase()
    const first = await startServer({ cwd: from })
    const person = await signIn(first.url)
    const { id } = await person.order('demo-image', { prompt: 'a red fox in snow' })
    await person.follow(id, hasEnded)
    const before = {
      balance: await person.balance(),
      ledger: await person.ledger(),
      bytes: await pictureOf(person, id),
    }
    expect(before.balance).toBe(2500)

    expect(await run(from, ['backup', '--output', 'while-running.tar.gz'])).toMatchObject(
      oneSentence(new RegExp(`Stop the server first: .*in use by process ${first.child.pid}`)),
    )
    expect(await readdir(from)).toEqual(['.safelight'])
    expect(await person.balance()).toBe(2500)
    first.child.kill('SIGTERM')
    await first.ended

    const file = join(await emptyFolder(), 'copy.tar.gz')
    expect(await run(from, ['backup', '--output', file])).toMatchObject({ code: 0, stderr: '' })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const to = await emptyFolder()
    expect(await run(to, ['restore', file])).toMatchObject({ code: 0, stderr: '' })
    expect((await stat(join(to, '.safelight'))).mode & 0o777).toBe(0o700)
    const secretIn = (folder: string) => readFile(join(folder, '.safelight/secret'), 'utf8')
    expect(await secretIn(to)).toBe(await secretIn(from))
    expect((await run(to, ['reconcile', '--whole'])).code).toBe(0)

    const second = await startServer({ cwd: to })
    const again = await signIn(second.url)
    const after = { balance: await again.balance(), ledger: await again.ledger(), bytes: await pictureOf(again, id) }
    expect(after).toEqual(before)
    await again.follow((await again.order('demo-image', { prompt: 'another' })).id, hasEnded)
    expect(await again.balance()).toBe(2000)
  })

  it('a server that was killed is copied as it stood', async () => {
    const from = await folderWithDatabase()
    const first = await startServer({ cwd: from })
    const person = await signIn(first.url)
    await person.follow((await person.order('demo-image', { prompt: 'a fox' })).id, hasEnded)
    first.child.kill('SIGKILL')
    await first.ended
    expect(await run(from, ['backup', '--output', 'copy.tar.gz'])).toMatchObject({ code: 0 })
    const to = await emptyFolder()
    expect(await run(from, ['restore', 'copy.tar.gz', '--data-dir', join(to, 'data')])).toMatchObject({ code: 0 })
    expect(await readdir(join(to, 'data'))).not.toContain('server.json')
    const second = await startServer({ cwd: to, env: { SAFELIGHT_DATA_DIR: 'data' } })
    expect(await (await signIn(second.url)).balance()).toBe(2500)
  })
})

describe('safelight backup', () => {
  let cwd: string
  beforeAll(async () => {
    cwd = await folderWithDatabase()
    await writeFile(join(cwd, '.safelight/big'), randomBytes(24_000_000))
  })

  it('replaces a file of its name, and leaves it alone when the disk fails', async () => {
    await writeFile(join(cwd, 'copy.tar.gz'), 'the one before')
    expect(await runWithin(20_000_000, cwd, ['backup', '--output', 'copy.tar.gz'])).toMatchObject(
      oneSentence(/copy\.tar\.gz\S* is larger than files may be there\./),
    )
    expect(await readFile(join(cwd, 'copy.tar.gz'), 'utf8')).toBe('the one before')
    expect((await readdir(cwd)).toSorted()).toEqual(['.safelight', 'copy.tar.gz'])
    expect(await run(cwd, ['backup', '--output', 'copy.tar.gz'])).toMatchObject({ code: 0 })
    expect((await readdir(cwd)).toSorted()).toEqual(['.safelight', 'copy.tar.gz'])
    expect((await stat(join(cwd, 'copy.tar.gz'))).size).toBeGreaterThan(24_000_000)

    const to = await emptyFolder()
    const args = ['restore', join(cwd, 'copy.tar.gz'), '--data-dir', join(to, 'data')]
    expect(await runWithin(20_000_000, cwd, args)).toMatchObject(oneSentence(/data\S*big is larger/))
    expect(await readdir(to)).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind after %s', async signal => {
    const to = await emptyFolder()
    const running = safelight(['backup', '--output', join(to, 'copy.tar.gz')], { cwd })
    // The file that it writes beside is the sign that it is copying.
    while ((await readdir(to)).length === 0) await new Promise(resolve => setImmediate(resolve))
    running.child.kill(signal)
    expect(await running.ended).toMatchObject(oneSentence(/Canceled\./, 130))
    expect(await readdir(to)).toEqual([])
    expect((await readdir(join(cwd, '.safelight/database.lock'))).length).toBe(0)
  })

  it('refuses what is no data directory, and makes none', async () => {
    const empty = await emptyFolder()
    expect(await run(empty, ['backup'])).toMatchObject(oneSentence(/There is no database in .*\.safelight\./))
    expect(await run(empty, ['backup', '--data-dir', '/dev/null'])).toMatchObject(oneSentence(/no database in/))
    expect(await readdir(empty)).toEqual([])
  })

  it('refuses to write into what it copies, onto a folder, and where there is none', async () => {
    const before = await readdir(join(cwd, '.safelight'))
    for (const [output, words] of [
      ['.safelight/copy.tar.gz', /is in the data directory/],
      ['.safelight/database/copy.tar.gz', /is in the data directory/],
      ['.', /is not a file/],
      ['nowhere/copy.tar.gz', /There is no .*nowhere\./],
    ] as const)
      expect(await run(cwd, ['backup', '--output', output])).toMatchObject(oneSentence(words))
    expect(await readdir(join(cwd, '.safelight'))).toEqual(before)
  })

  it('refuses a link, which it would not copy what is behind of', async () => {
    const linked = await folderWithDatabase()
    await symlink('/etc', join(linked, '.safelight/media'))
    expect(await run(linked, ['backup', '--output', 'copy.tar.gz'])).toMatchObject(
      oneSentence(/media is neither a file nor a folder/),
    )
    expect(await readdir(linked)).toEqual(['.safelight'])
  })

  it('and restore send those with another database to pg_dump', async () => {
    for (const name of ['DATABASE_URL', 'SUPABASE_URL', 'NEXT_PUBLIC_SUPABASE_URL'])
      for (const args of [['backup'], ['restore', 'copy.tar.gz']])
        expect(await run(cwd, args, { [name]: 'postgres://u:hushhush@h/d' })).toMatchObject(
          oneSentence(new RegExp(`${name} is set, .*pg_dump`)),
        )
  })
})

describe('safelight restore', () => {
  let file: string
  beforeAll(async () => {
    const from = await folderWithDatabase()
    file = join(from, 'copy.tar.gz')
    await run(from, ['backup', '--output', file])
  })

  it('fills an empty directory, and touches none that is not empty', async () => {
    const cwd = await emptyFolder()
    await mkdir(join(cwd, 'data'))
    expect(await run(cwd, ['restore', file, '--data-dir', 'data'])).toMatchObject({ code: 0 })
    await writeFile(join(cwd, 'data/mine'), 'mine')
    const before = await readdir(join(cwd, 'data'))
    expect(await run(cwd, ['restore', file, '--data-dir', 'data'])).toMatchObject(oneSentence(/data is not empty/))
    expect(await readdir(join(cwd, 'data'))).toEqual(before)
    expect(await readdir(cwd)).toEqual(['data'])
  })

  it('refuses a schema that this version cannot work with, before anything is written', async () => {
    const from = await folderWithDatabase()
    const { signal } = new AbortController()
    const contents = await contentsOf(join(from, '.safelight'), signal)
    const later = { version: 999_999, name: '999999_later', checksum: 'c' }
    const outcomes = [true, false].map(async breaking => {
      const cwd = await emptyFolder()
      const path = join(from, `${breaking}.tar.gz`)
      const about = { format: FORMAT, version: '99.0.0', created_at: new Date().toISOString() } as const
      const manifest = { ...about, migrations: [{ ...later, breaking }], ...contents }
      await writeArchive(path, manifest, join(from, '.safelight'), signal)
      const ended = await run(cwd, ['restore', path, '--data-dir', 'below/data'])
      return { ...ended, there: await readdir(cwd) }
    })
    const [breaking, harmless] = await Promise.all(outcomes)
    expect(breaking).toMatchObject({ ...oneSentence(/cannot be restored here.*999999_later.*Update/), there: [] })
    expect(harmless).toMatchObject({ code: 0, there: ['below'] })
  })

  it('puts nothing in place of a file that is cut off, changed, another or not there', async () => {
    const whole = await readFile(file)
    const changed = Buffer.from(whole)
    changed[Math.floor(whole.length / 2)]! ^= 1
    const cwd = await emptyFolder()
    for (const [bytes, words] of [
      [whole.subarray(0, whole.length / 2), /damaged or no backup/],
      [whole.subarray(0, whole.length - 1), /damaged or no backup/],
      [changed, /damaged/],
      [Buffer.from('a text'), /damaged or no backup/],
      [Buffer.alloc(0), /damaged or no backup/],
    ] as const) {
      const other = join(await emptyFolder(), 'other.tar.gz')
      await writeFile(other, bytes)
      expect(await run(cwd, ['restore', other])).toMatchObject(oneSentence(words))
      expect(await readdir(cwd)).toEqual([])
    }
    expect(await run(cwd, ['restore', 'nowhere.tar.gz'])).toMatchObject(oneSentence(/There is no .*nowhere\.tar\.gz/))
    expect(await run(cwd, ['restore', cwd])).toMatchObject(oneSentence(/is not a file/))
    expect(await run(cwd, ['restore'])).toMatchObject(oneSentence(/takes one word/, 2))
    expect(await run(cwd, ['restore', file, '--data-dir', file])).toMatchObject(oneSentence(/is not a directory/))
    expect(await readdir(cwd)).toEqual([])
  })
})
