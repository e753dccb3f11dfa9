import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { diskShelf, memoryShelf, readRecord, writeRecord } from './shelf.ts'

const JOB = 'a'.repeat(32)
const DAY_SECONDS = 86_400
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7)

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'safelight-shelf-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

describe.each([
  ['in memory', async () => memoryShelf()],
  ['on disk', async () => diskShelf(await newDirectory())],
])('a shelf %s', (_, make) => {
  test('gives back what was put on it, and nothing else', async () => {
    const shelf = await make()
    expect(await shelf.read(JOB, '0')).toBeNull()
    await shelf.write(JOB, '0', bytes(3))
    await shelf.write(JOB, '0', bytes(5))
    await writeRecord(shelf, JOB, 'order', { id: JOB })
    expect(Buffer.from((await shelf.read(JOB, '0')) ?? [])).toEqual(Buffer.from(bytes(5)))
    expect(await readRecord(shelf, JOB, 'order')).toEqual({ id: JOB })
    expect(await shelf.read('other', '0')).toBeNull()
    expect(await readRecord(shelf, JOB, 'done')).toBeNull()
  })

  test('keeps what is recent', async () => {
    const shelf = await make()
    await shelf.write(JOB, '0', bytes(3))
    await shelf.sweep(DAY_SECONDS)
    expect(await shelf.read(JOB, '0')).not.toBeNull()
    await shelf.sweep(-1)
    expect(await shelf.read(JOB, '0')).toBeNull()
  })
})

test('memory is bounded: the jobs that lay there longest go first, never the newest', async () => {
  const shelf = memoryShelf(100)
  for (const job of ['a', 'b', 'c']) await shelf.write(job, '0', bytes(30))
  await shelf.write('a', '1', bytes(30))
  expect(await shelf.read('b', '0')).toBeNull()
  for (const job of ['a', 'c']) expect(await shelf.read(job, '0')).not.toBeNull()
  await shelf.write('large', '0', bytes(500))
  expect(await shelf.read('large', '0')).toHaveLength(500)
  expect(await shelf.read('a', '0')).toBeNull()
})

test('a write that fails leaves no half file', async () => {
  const directory = await newDirectory()
  const shelf = diskShelf(directory)
  await shelf.write(JOB, 'taken/0', bytes(3)).catch((error: unknown) => expect(error).toMatchObject({ code: 'ENOENT' }))
  expect(await readdir(join(directory, JOB))).toEqual([])
  await writeFile(join(directory, 'file'), '')
  await expect(shelf.write('file', '0', bytes(3))).rejects.toMatchObject({ code: 'EEXIST' })
})

test('old jobs are swept from the disk, and nothing that is no job', async () => {
  const directory = await newDirectory()
  const shelf = diskShelf(directory)
  const [old, recent, letters] = ['0'.repeat(32), 'f'.repeat(32), 'letters']
  for (const folder of [old, recent, letters]) await shelf.write(folder, '0', bytes(3))
  for (const folder of [old, letters]) await utimes(join(directory, folder), new Date(0), new Date(0))
  await shelf.sweep(DAY_SECONDS)
  expect((await readdir(directory)).toSorted()).toEqual([recent, letters].toSorted())
})
