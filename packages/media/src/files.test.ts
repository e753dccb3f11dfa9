import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ascii, join as joinBytes, picture } from '../test/samples.ts'
import { files } from './files.ts'
import type { FileStore } from './files.ts'

const LIMIT = { maxBytes: 1_000_000 }
const png = await picture('png', 30, 20)
let place: string
let directory: string
let store: FileStore

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'safelight-files-'))
  directory = join(place, 'media')
  store = files(directory)
})
afterEach(() => rm(place, { recursive: true, force: true }))

function stream(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift()
      if (chunk) controller.enqueue(chunk)
      else controller.close()
    },
  })
}

async function bytesOf(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())
}

async function everything(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter(entry => !entry.isDirectory()).map(entry => join(entry.parentPath, entry.name))
}

describe('saving', () => {
  test('describes what it stored, and gives the same bytes back', async () => {
    const stored = await store.save('job/attempt/0', stream(png.subarray(0, 9), png.subarray(9)), LIMIT)
    expect(stored).toEqual({
      key: 'job/attempt/0',
      contentType: 'image/png',
      bytes: png.length,
      width: 30,
      height: 20,
      durationSeconds: null,
      hash: createHash('sha256').update(png).digest('hex'),
    })
    expect(await bytesOf(await store.open('job/attempt/0'))).toEqual(png)
    expect(await store.find('job/')).toEqual([stored])
  })

  test('replaces a file of the same key', async () => {
    await store.save('a', stream(png), LIMIT)
    const jpeg = await picture('jpeg', 8, 8)
    await store.save('a', stream(jpeg), LIMIT)
    expect(await bytesOf(await store.open('a'))).toEqual(jpeg)
    expect(await everything()).toHaveLength(1)
  })

  test.each([
    ['nothing', [], 'unsupported_media'],
    ['HTML', [ascii('<html>'.repeat(50))], 'unsupported_media'],
    ['a few bytes of text', [ascii('<p>')], 'unsupported_media'],
    ['half a picture', [png.subarray(0, 20)], 'unsupported_media'],
    ['a byte too many', [png, new Uint8Array(1_000_001 - png.length)], 'too_large'],
  ])('refuses %s and keeps nothing', async (_, chunks, code) => {
    await expect(store.save('a', stream(...chunks), LIMIT)).rejects.toMatchObject({ code })
    expect(await everything()).toEqual([])
  })

  test('stops reading what it refuses', async () => {
    let asked = 0
    let canceled = false
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          asked += 1
          controller.enqueue(ascii('<html>'.repeat(1_000)))
        },
        cancel: () => void (canceled = true),
      },
      { highWaterMark: 0 },
    )
    await expect(store.save('a', endless, LIMIT)).rejects.toMatchObject({ code: 'unsupported_media' })
    expect({ asked, canceled }).toEqual({ asked: 1, canceled: true })
  })

  test('an abort ends a save whose source is silent, and leaves nothing', async () => {
    const abort = new AbortController()
    let canceled = false
    const silent = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(png.subarray(0, 30)),
      pull: () => abort.abort(new Error('enough')),
      cancel: () => void (canceled = true),
    })
    await expect(store.save('a', silent, { ...LIMIT, signal: abort.signal })).rejects.toThrow('enough')
    expect(canceled).toBe(true)
    expect(await everything()).toEqual([])
  })

  test('a source that breaks leaves nothing, and the file before it in place', async () => {
    await store.save('a', stream(png), LIMIT)
    const broken = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(png.subarray(0, 50)),
      pull: controller => controller.error(new Error('connection reset')),
    })
    await expect(store.save('a', broken, LIMIT)).rejects.toThrow('connection reset')
    expect(await bytesOf(await store.open('a'))).toEqual(png)
    expect(await everything()).toHaveLength(1)
  })

  test('many at once, under the same key and beside deletes', async () => {
    const work = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 2 ? store.delete('x/y/0') : store.save('x/y/0', stream(png), LIMIT),
    )
    await Promise.all(work)
    await store.save('x/y/0', stream(png), LIMIT)
    expect(await bytesOf(await store.open('x/y/0'))).toEqual(png)
  })
})

describe('keys', () => {
  const hostile = [
    '',
    '/',
    '.',
    '..',
    '../x',
    'a/../x',
    'a//b',
    '/etc/passwd',
    'a\\b',
    'a\0b',
    'a/.',
    '.partial/x',
    'a b',
    'ä',
    '%2e%2e/x',
    'C:x',
    'x'.repeat(129),
    'x/'.repeat(300) + 'x',
  ]

  test.each(hostile)('refuses %j everywhere', async key => {
    const source = stream(png)
    await expect(store.save(key, source, LIMIT)).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(store.open(key)).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(store.delete(key)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('a refused key lets go of its source', async () => {
    let canceled = false
    const source = new ReadableStream<Uint8Array>({ cancel: () => void (canceled = true) })
    await expect(store.save('../x', source, LIMIT)).rejects.toMatchObject({ code: 'invalid_input' })
    expect(canceled).toBe(true)
  })

  test('find refuses prefixes that lead elsewhere', async () => {
    for (const prefix of ['../', '/etc/', 'a/../', '..', 'a\0']) {
      await expect(store.find(prefix)).rejects.toMatchObject({ code: 'invalid_input' })
    }
  })
})

describe('finding', () => {
  test('by the beginning of the key, sorted, whatever else lies around', async () => {
    for (const key of ['j/a/1', 'j/a/0', 'j/ab/0', 'j/b', 'k']) await store.save(key, stream(png), LIMIT)
    await writeFile(join(directory, 'j/a/notes.txt'), 'not ours')
    const keys = async (prefix: string): Promise<string[]> => (await store.find(prefix)).map(({ key }) => key)
    expect(await keys('')).toEqual(['j/a/0', 'j/a/1', 'j/ab/0', 'j/b', 'k'])
    expect(await keys('j/a')).toEqual(['j/a/0', 'j/a/1', 'j/ab/0'])
    expect(await keys('j/a/')).toEqual(['j/a/0', 'j/a/1'])
    expect(await keys('j/a/1')).toEqual(['j/a/1'])
    expect(await keys('none/here/')).toEqual([])
    expect(await keys('k/below/a/file')).toEqual([])
  })
})

describe('opening', () => {
  beforeEach(() => store.save('a', stream(png), LIMIT).then(() => undefined))

  test('gives ranges, inclusive on both ends', async () => {
    const range = async (start: number, end: number): Promise<Uint8Array> =>
      bytesOf(await store.open('a', { start, end }))
    expect(await range(0, 0)).toEqual(png.subarray(0, 1))
    expect(await range(5, 9)).toEqual(png.subarray(5, 10))
    expect(await range(png.length - 1, png.length + 50)).toEqual(png.subarray(-1))
  })

  test.each([
    [-1, 3],
    [5, 4],
    [0.5, 3],
    [Number.NaN, 3],
    [1_000_000, 1_000_001],
  ])('refuses bytes %d to %d', async (start, end) => {
    await expect(store.open('a', { start, end })).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('what is not there, or is a folder, is not found', async () => {
    await store.save('folder/b', stream(png), LIMIT)
    for (const key of ['b', 'folder', 'a/b']) await expect(store.open(key)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a reader that leaves early closes the file', async () => {
    const reader = (await store.open('a')).getReader()
    await reader.read()
    await reader.cancel()
    await store.delete('a')
    await expect(store.open('a')).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('deleting', () => {
  test('takes the file and the folders that are empty without it', async () => {
    await store.save('j/a/0', stream(png), LIMIT)
    await store.save('j/b/0', stream(png), LIMIT)
    await store.delete('j/a/0')
    expect(existsSync(join(directory, 'j/a'))).toBe(false)
    expect(existsSync(join(directory, 'j/b/0'))).toBe(true)
  })

  test('of what is not there is fine, and a folder is not a file', async () => {
    await store.save('j/a', stream(png), LIMIT)
    await store.delete('never')
    await store.delete('j/a/0')
    await store.delete('j')
    expect(await store.find('')).toHaveLength(1)
  })
})

describe('links', () => {
  test('inside the directory are not followed', async () => {
    const outside = join(place, 'outside')
    await mkdir(outside)
    await writeFile(join(outside, 'secret.png'), png)
    await store.check()
    await symlink(outside, join(directory, 'way-out'))
    await symlink(join(outside, 'secret.png'), join(directory, 'picture'))

    await expect(store.open('way-out/secret.png')).rejects.toMatchObject({ code: 'not_found' })
    await expect(store.open('picture')).rejects.toMatchObject({ code: 'not_found' })
    await expect(store.save('way-out/new', stream(png), LIMIT)).rejects.toThrow('not a folder')
    expect(await store.find('')).toEqual([])
    expect(await store.find('way-out/')).toEqual([])
    await store.delete('way-out/secret.png')
    await store.delete('picture')
    expect(await readdir(outside)).toEqual(['secret.png'])
  })

  test('a save over a link replaces the link, not what it leads to', async () => {
    const target = join(place, 'target')
    await writeFile(target, 'precious')
    await store.check()
    await symlink(target, join(directory, 'a'))
    await store.save('a', stream(png), LIMIT)
    expect(await readFile(target, 'utf8')).toBe('precious')
  })

  test('the directory itself may be one', async () => {
    await mkdir(join(place, 'disk'))
    await symlink(join(place, 'disk'), directory)
    await store.save('a', stream(png), LIMIT)
    expect(existsSync(join(place, 'disk/a'))).toBe(true)
  })
})

describe('the directory', () => {
  test('passes its check and is left as it was', async () => {
    await store.check()
    expect(await everything()).toEqual([])
  })

  test('that cannot be one is refused in a sentence, and works once it can', async () => {
    await writeFile(directory, 'a file')
    await expect(store.check()).rejects.toThrow(
      /^The media directory .*media cannot be used: there is a file of that name \(EEXIST\)\.$/,
    )
    await expect(store.save('a', stream(png), LIMIT)).rejects.toThrow('EEXIST')
    await rm(directory)
    await store.check()
  })

  test('is rid of what a dead process left, not of what a living one writes', async () => {
    await store.check()
    const partials = join(directory, '.partial')
    const [own] = await ownPartial(partials)
    const name = String(own)
    const host = name.split('-')[0]
    const living = `${host}-${process.ppid}-abc-def`
    const strange = 'elsewhere-1-abc-def'
    const old = 'elsewhere-2-abc-def'
    for (const left of [`${host}-4194999-abc-def`, `${host}-${process.pid}-abc-def`, living, strange, old]) {
      await writeFile(join(partials, left), 'half')
    }
    await utimes(join(partials, old), new Date(0), new Date(0))
    await files(directory).check()
    expect((await readdir(partials)).toSorted()).toEqual([living, strange].toSorted())
  })
})

/** The name under which this process writes, seen while it does. */
async function ownPartial(partials: string): Promise<string[]> {
  const abort = new AbortController()
  let names: string[] = []
  const looking = new ReadableStream<Uint8Array>(
    {
      async pull() {
        names = await readdir(partials)
        abort.abort(new Error('seen'))
      },
    },
    { highWaterMark: 0 },
  )
  await expect(store.save('x', looking, { ...LIMIT, signal: abort.signal })).rejects.toThrow('seen')
  return names
}

test('300 MB go through without being held', async () => {
  const chunk = new Uint8Array(1_048_576)
  const head = joinBytes(png, new Uint8Array(chunk.length - png.length))
  let sent = 0
  const large = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(sent === 0 ? head : chunk)
        sent += 1
        if (sent === 300) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const before = process.memoryUsage.rss()
  const stored = await store.save('large', large, { maxBytes: 400_000_000 })
  expect(stored.bytes).toBe(300 * 1_048_576)
  let read = 0
  for await (const part of await store.open('large')) read += part.length
  expect(read).toBe(stored.bytes)
  expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000)
})
