/** Archives that somebody made who knows how: each is refused by a plain sentence, and nothing leaves the folder. */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack, type Headers } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArchive, writeArchive, writeTo } from './archive.ts'
import { contentsOf, FORMAT, type Manifest } from './manifest.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safelight-archive-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()
const digest = (text: string) => ({
  bytes: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('hex'),
})
const MARK = 'database/PG_VERSION'
const HONEST: Manifest = {
  format: FORMAT,
  version: '1.0.0',
  created_at: '2026-01-02T03:04:05.000Z',
  migrations: [],
  folders: ['database'],
  files: { [MARK]: digest('17\n') },
}
type EntryText = [header: Headers, text?: string]
const BODY: EntryText[] = [[{ name: 'data/database/', type: 'directory' }], [{ name: `data/${MARK}` }, '17\n']]

async function archiveOf(entries: EntryText[]): Promise<string> {
  const path = join(await mkdtemp(join(folder, 'a-')), 'b.tar.gz')
  const archive = pack()
  for (const [header, text = ''] of entries) archive.entry(header, text)
  archive.finalize()
  await pipeline(archive, createGzip(), createWriteStream(path))
  return path
}

const withManifest = (manifest: unknown, entries: EntryText[] = BODY) =>
  archiveOf([[{ name: 'manifest.json' }, JSON.stringify(manifest)], ...entries])

/** Restores into a folder of its own and answers with all that is there afterwards, or the sentence. */
async function outcomeOf(path: string): Promise<string> {
  const place = await mkdtemp(join(folder, 'r-'))
  const inside = join(place, 'in')
  const made = () => mkdir(inside)
  const outcome = await readArchive(path, writeTo(inside, made, signal), signal).then(
    () => 'whole',
    (error: Error) => `${error.name}: ${error.message}`,
  )
  expect((await readdir(place)).filter(name => name !== 'in')).toEqual([])
  return outcome
}

describe('an archive', () => {
  it('that is as its manifest says is whole', async () => {
    expect(await outcomeOf(await withManifest(HONEST))).toBe('whole')
  })

  it.each([
    '../out',
    'database/../../out',
    '/etc/out',
    'database//out',
    'C:\\out',
    'database\\..\\out',
    'database/.',
    '',
  ])('is refused whose manifest names %j', async path => {
    const files = { ...HONEST.files, [path]: digest('x') }
    const made = await withManifest({ ...HONEST, files }, [...BODY, [{ name: `data/${path}` }, 'x']])
    expect(await outcomeOf(made)).toMatch(/^PlainError: b\.tar\.gz is damaged: "/)
  })

  it.each(['../out', '/etc/out', 'data/../../out', 'data/other', 'other', 'data/'])(
    'is refused with an entry %j that its manifest does not name',
    async name => {
      const made = await withManifest(HONEST, [...BODY, [{ name }, 'x']])
      expect(await outcomeOf(made)).toMatch(/^PlainError: b\.tar\.gz is damaged: its manifest does not name/)
    },
  )

  it.each(['symlink', 'link', 'character-device', 'fifo', 'directory'] as const)(
    'is refused with a %s in place of a file',
    async type => {
      const header: Headers = { name: `data/${MARK}`, type, linkname: '/etc/passwd', size: 0 }
      const made = await withManifest(HONEST, [BODY[0]!, [header]])
      expect(await outcomeOf(made)).toBe(`PlainError: b.tar.gz is damaged: ${MARK} is not what its manifest says.`)
    },
  )

  it('is refused with a link in place of a folder', async () => {
    const made = await withManifest(HONEST, [[{ name: 'data/database', type: 'symlink', linkname: '/tmp' }], BODY[1]!])
    expect(await outcomeOf(made)).toContain('database is not what its manifest says')
  })

  it.each([
    ['other bytes', [BODY[0]!, [{ name: `data/${MARK}` }, '18\n']], 'is not what its manifest says'],
    ['more bytes', [BODY[0]!, [{ name: `data/${MARK}` }, '17\n\n']], 'is not what its manifest says'],
    ['a file twice', [...BODY, BODY[1]!], 'does not name'],
    ['a file too few', [BODY[0]!], 'database/PG_VERSION is missing'],
    ['a folder too few', [], 'database is missing'],
  ] as [string, EntryText[], string][])('is refused with %s', async (_what, entries, words) => {
    expect(await outcomeOf(await withManifest(HONEST, entries))).toContain(words)
  })

  it.each([
    ['no manifest first', () => archiveOf(BODY), 'does not begin with a manifest'],
    ['a manifest that is no JSON', () => archiveOf([[{ name: 'manifest.json' }, '{']]), 'cannot be read'],
    ['nothing in it', () => archiveOf([]), 'there is nothing in it'],
    ['a later format', () => withManifest({ ...HONEST, format: 2, more: true }), 'Update safelight.'],
    ['a manifest without hashes', () => withManifest({ ...HONEST, files: { [MARK]: { bytes: 3 } } }), 'cannot be read'],
    ['no database', () => withManifest({ ...HONEST, files: {} }, [BODY[0]!]), 'there is no database in it'],
    ['a path twice', () => withManifest({ ...HONEST, folders: ['database', 'database'] }), 'is there twice'],
    [
      'a file as a folder',
      () => withManifest({ ...HONEST, files: { ...HONEST.files, [`${MARK}/x`]: digest('') } }),
      'is in no folder',
    ],
    ['a lock', () => withManifest({ ...HONEST, folders: ['database', 'database.lock'] }), 'has no place in a backup'],
  ] as [string, () => Promise<string>, string][])('is refused with %s', async (_what, make, words) => {
    const outcome = await outcomeOf(await make())
    expect(outcome).toMatch(/^PlainError: b\.tar\.gz (is|was) /)
    expect(outcome).toContain(words)
  })
})

describe('writing', () => {
  async function source(): Promise<string> {
    const place = await mkdtemp(join(folder, 's-'))
    await mkdir(join(place, 'database/empty'), { recursive: true })
    await writeFile(join(place, MARK), '17\n')
    await writeFile(join(place, `${'long-'.repeat(40)}é 1`), 'a name of more than a hundred characters')
    await writeFile(join(place, 'server.json'), 'the token of a server')
    return place
  }
  const manifestOf = async (place: string): Promise<Manifest> => ({ ...HONEST, ...(await contentsOf(place, signal)) })

  it('keeps empty folders, empty files and odd names, and leaves out what is of the running server', async () => {
    const place = await source()
    await writeFile(join(place, 'nothing'), '')
    const path = join(folder, 'odd.tar.gz')
    await writeArchive(path, await manifestOf(place), place, signal)
    const back = join(folder, 'odd')
    await readArchive(
      path,
      writeTo(back, () => mkdir(back), signal),
      signal,
    )
    await rm(join(place, 'server.json'))
    expect(await readdir(back, { recursive: true })).toEqual(await readdir(place, { recursive: true }))
    expect(await readFile(join(back, `${'long-'.repeat(40)}é 1`), 'utf8')).toContain('a hundred')
  })

  it('says which file grew or shrank meanwhile', async () => {
    for (const change of [(path: string) => appendFile(path, 'more'), (path: string) => writeFile(path, '')]) {
      const place = await source()
      const manifest = await manifestOf(place)
      await change(join(place, MARK))
      const written = writeArchive(join(place, '../changed.tar.gz'), manifest, place, signal)
      await expect(written).rejects.toThrow(/PG_VERSION changed while it was copied/)
      await rm(join(place, '../changed.tar.gz'))
    }
  })

  it('names the place where it cannot write', async () => {
    const place = await source()
    const written = writeArchive('/dev/full/none', await manifestOf(place), place, signal)
    await expect(written).rejects.toMatchObject({ code: 'ENOTDIR', path: '/dev/full/none' })
  })
})
