/** What every `MediaStore` promises: a file is there whole or not at all, and is what its bytes say. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { MediaStore } from '../../contracts.ts'
import { tryTo, tryToSpoil } from './job-steps.ts'
import {
  assertAbsent,
  type Bytes,
  bytesOf,
  contentOf,
  haltingSource,
  hashOf,
  rejectsWith,
  streamFrom,
  streamOf,
} from './media-steps.ts'
import { FOREIGN_FILES, png, SAMPLE_FILES } from './sample-files.ts'
import { type Case, type Harness, type Make, suite, together } from './suite.ts'

export interface MediaStoreHarness extends Harness {
  media: MediaStore
}

/** The suite of `MediaStore`. */
export function mediaStoreCases(make: Make<MediaStoreHarness>): Case[] {
  return suite(make, { ...saveChecks, ...wholeChecks, ...readChecks })
}

type Checks = Record<string, (harness: MediaStoreHarness) => Promise<void>>

/** Who has not stopped after this does not listen. */
const DEAF_MS = 5000
const ROOMY = { maxBytes: 10_000_000 }
const newKey = (index = 0) => `${randomUUID()}/${randomUUID()}/${index}`

const saveChecks: Checks = {
  async 'every type of ours is told by its bytes, and comes back byte for byte'({ media }) {
    for (const { contentType, bytes, width, height } of SAMPLE_FILES) {
      const key = newKey()
      const file = await media.save(key, streamOf(bytes), ROOMY)
      assert.deepEqual(
        [file.key, file.contentType, file.bytes, file.hash],
        [key, contentType, bytes.length, hashOf(bytes)],
      )
      assert(file.width === null || file.width === width, `${contentType}: width ${file.width}`)
      assert(file.height === null || file.height === height, `${contentType}: height ${file.height}`)
      assert(
        file.durationSeconds === null || (contentType.startsWith('video/') && Math.abs(file.durationSeconds - 5) < 0.1),
      )
      assert.deepEqual(await media.find(key), [file])
      assert(bytes.length > 0 && (await contentOf(media, key)).equals(bytes))
    }
  },

  async 'how the bytes are cut into chunks changes nothing'({ media }) {
    for (const { contentType, bytes } of SAMPLE_FILES) {
      const single = Array.from(bytes, byte => new Uint8Array([byte]))
      const key = newKey()
      const file = await media.save(key, streamOf(new Uint8Array(), ...single, new Uint8Array()), ROOMY)
      assert.deepEqual([file.contentType, file.bytes, file.hash], [contentType, bytes.length, hashOf(bytes)])
      assert((await contentOf(media, key)).equals(bytes))
    }
  },

  async 'what is none of our types is refused and leaves nothing'({ media }) {
    for (const { name, bytes } of FOREIGN_FILES) {
      const key = `${newKey()}.png`
      const saved = media
        .save(key, streamOf(bytes), ROOMY)
        .then(file => assert.fail(`${name} was taken for ${file.contentType}`))
      await rejectsWith('unsupported_media', saved)
      await assertAbsent(media, key)
    }
  },

  async 'the limit itself may be reached, and not passed'({ media }) {
    const bytes = png(64, 64)
    const key = newKey()
    await rejectsWith('too_large', media.save(key, streamOf(bytes), { maxBytes: bytes.length - 1 }))
    await assertAbsent(media, key)
    assert.equal((await media.save(key, streamOf(bytes), { maxBytes: bytes.length })).bytes, bytes.length)
  },

  async 'a source without end is left at the limit'({ media }) {
    let given = 0
    const endless = new ReadableStream<Bytes>({
      pull(controller) {
        if (given > 1000) controller.close() // for a store that reads on and on
        else controller.enqueue(given++ === 0 ? png(8, 8) : new Uint8Array(10_000))
      },
    })
    const key = newKey()
    await rejectsWith('too_large', media.save(key, endless, { maxBytes: 100_000 }))
    assert(given < 1000, `${given} chunks were read`)
    await assertAbsent(media, key)
  },

  async 'a large file arrives whole'({ media }) {
    const bytes = new Uint8Array(5_000_000)
    for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff
    bytes.set(png(64, 64))
    const chunks: Bytes[] = []
    for (let at = 0; at < bytes.length; at += 65_537) chunks.push(bytes.slice(at, at + 65_537))
    const key = newKey()
    const file = await media.save(key, streamOf(...chunks), ROOMY)
    assert.deepEqual([file.bytes, file.hash], [bytes.length, hashOf(bytes)])
    assert.equal(hashOf(await contentOf(media, key)), file.hash)
  },

  async 'whoever gave a chunk may use it again'({ media }) {
    const bytes = png(64, 64)
    const key = newKey()
    function* reused(): Generator<Bytes, undefined> {
      const chunk = new Uint8Array(16)
      for (let at = 0; at < bytes.length; at += 16) {
        const part = bytes.subarray(at, at + 16)
        chunk.set(part)
        yield chunk.subarray(0, part.length)
        chunk.fill(0)
      }
    }
    const file = await media.save(key, streamFrom(reused()), ROOMY)
    assert.equal(file.hash, hashOf(bytes))
    assert((await contentOf(media, key)).equals(bytes))
  },
}

const wholeChecks: Checks = {
  async 'what is not complete is not seen'({ media }) {
    const bytes = png(64, 64)
    const key = newKey()
    const source = haltingSource(bytes.slice(0, 40))
    const saving = media.save(key, source.stream, ROOMY)
    await source.asked
    await assertAbsent(media, key)
    source.finish(bytes.slice(40))
    const file = await saving
    assert.deepEqual(await media.find(key), [file])
    assert((await contentOf(media, key)).equals(bytes))
  },

  async 'a source that breaks leaves nothing'({ media }) {
    const key = newKey()
    const source = haltingSource(png(64, 64).slice(0, 40))
    const saving = media.save(key, source.stream, ROOMY)
    const rejected = assert.rejects(saving)
    await source.asked
    source.fail(new Error('the line went dead'))
    await rejected
    await assertAbsent(media, key)
  },

  async 'a save that is aborted leaves nothing, and lets go of its source'({ media }) {
    const key = newKey()
    const source = haltingSource(png(64, 64).slice(0, 40))
    const abort = new AbortController()
    const saving = media.save(key, source.stream, { ...ROOMY, signal: abort.signal })
    const rejected = saving.then(() => assert.fail('it was saved'), () => 'rejected') // prettier-ignore
    await source.asked
    abort.abort()
    const deaf = new AbortController()
    const waited = setTimeout(DEAF_MS, 'waited', { signal: deaf.signal }).catch(() => 'rejected')
    assert.equal(await Promise.race([rejected, waited]), 'rejected', 'it does not stop')
    deaf.abort()
    assert(source.isCanceled(), 'the source was not canceled')
    await assertAbsent(media, key)
    await assert.rejects(media.save(key, streamOf(png(8, 8)), { ...ROOMY, signal: AbortSignal.abort() }))
    await assertAbsent(media, key)
  },

  async 'the same key again replaces the file, whole'({ media }) {
    const key = newKey()
    await media.save(key, streamOf(png(64, 64, 1)), ROOMY)
    const second = SAMPLE_FILES[1]!
    const file = await media.save(key, streamOf(second.bytes), ROOMY)
    assert.deepEqual([file.contentType, file.hash], [second.contentType, hashOf(second.bytes)])
    assert.deepEqual(await media.find(key), [file])
    assert((await contentOf(media, key)).equals(second.bytes))
  },

  async 'a replacement that fails leaves the file that was there'({ media }) {
    const key = newKey()
    const bytes = png(64, 64)
    const file = await media.save(key, streamOf(bytes), ROOMY)
    const source = haltingSource(png(64, 64, 2).slice(0, 40))
    const rejected = assert.rejects(media.save(key, source.stream, ROOMY))
    await source.asked
    assert((await contentOf(media, key)).equals(bytes))
    source.fail(new Error('the line went dead'))
    await rejected
    await rejectsWith('unsupported_media', media.save(key, streamOf(FOREIGN_FILES[2]!.bytes), ROOMY))
    await rejectsWith('too_large', media.save(key, streamOf(png(64, 64, 3)), { maxBytes: 50 }))
    assert.deepEqual(await media.find(key), [file])
    assert((await contentOf(media, key)).equals(bytes))
  },

  async 'of many who save one key at once one file stays, and it is whole'({ media }) {
    const key = newKey()
    const sources = Array.from({ length: 10 }, (_, seed) => png(32 + seed, 32, seed))
    const saved = await together(10, index => {
      const bytes = sources[index]!
      return media.save(key, streamOf(bytes.slice(0, 30), bytes.slice(30)), ROOMY)
    })
    for (const [index, file] of saved.entries()) assert.equal(file.hash, hashOf(sources[index]!))
    const [kept, ...others] = await media.find(key)
    assert.deepEqual(others, [])
    assert.equal(hashOf(await contentOf(media, key)), kept?.hash)
    assert(saved.some(({ hash }) => hash === kept?.hash))
  },

  async 'many keys at once do not mix'({ media }) {
    const prefix = `${randomUUID()}/`
    const sources = Array.from({ length: 20 }, (_, seed) => png(40, 40, seed))
    await together(20, index => media.save(`${prefix}${index}`, streamOf(sources[index]!), ROOMY))
    assert.equal((await media.find(prefix)).length, 20)
    for (const [index, bytes] of sources.entries()) assert((await contentOf(media, `${prefix}${index}`)).equals(bytes))
  },
}

const readChecks: Checks = {
  async 'files are found by the beginning of their key, sorted by key'({ media }) {
    const [job, attempt] = [randomUUID(), randomUUID()]
    const keys = [`${job}/${attempt}/1`, `${job}/${attempt}/0`, `${job}/${attempt}/10`, `${job}/${randomUUID()}/0`]
    for (const key of keys) await media.save(key, streamOf(png(8, 8)), ROOMY)
    const keysOf = async (prefix: string) => (await media.find(prefix)).map(({ key }) => key)
    assert.deepEqual(await keysOf(`${job}/${attempt}/`), keys.slice(0, 3).toSorted())
    assert.deepEqual(await keysOf(`${job}/`), keys.toSorted())
    assert.deepEqual(await keysOf(`${job}/${attempt}/1`), [keys[0], keys[2]])
    assert.deepEqual(await keysOf(randomUUID()), [])
  },

  async 'a prefix is no pattern'({ media }) {
    const job = randomUUID()
    await media.save(`${job}/a/0`, streamOf(png(8, 8)), ROOMY)
    for (const prefix of [`${job}/%`, `${job}/_/`, `${job}/*`, `${job}/./a`, `${job}/.*`, `${job}/A/`]) {
      // A store that is strict about keys may also refuse to look.
      assert.deepEqual((await tryTo(media.find(prefix))) ?? [], [], prefix)
    }
  },

  async 'a range has both of its ends'({ media }) {
    const bytes = png(64, 64)
    const key = newKey()
    await media.save(key, streamOf(bytes), ROOMY)
    const last = bytes.length - 1
    for (const [start, end] of [
      [0, 0],
      [0, last],
      [5, 20],
      [last, last],
      [last - 3, last + 100],
    ] as const) {
      // prettier-ignore
      const part = await bytesOf(await media.open(key, { start, end }))
      assert(part.equals(bytes.subarray(start, end + 1)), `${start}-${end}`)
    }
  },

  async 'a file can be read by many at once'({ media }) {
    const bytes = png(200, 200)
    const key = newKey()
    await media.save(key, streamOf(bytes), ROOMY)
    for (const read of await together(10, () => contentOf(media, key))) assert(read.equals(bytes))
  },

  async 'what is not there cannot be opened, and deleting it is fine'({ media }) {
    const key = newKey()
    await rejectsWith('not_found', media.open(key))
    await media.delete(key)
  },

  async 'a deleted file is gone, and no other'({ media }) {
    const key = newKey(1)
    const neighbours = [`${key}0`, key.replace(/1$/, '2')]
    for (const each of [key, ...neighbours]) await media.save(each, streamOf(png(8, 8)), ROOMY)
    await media.delete(key)
    await rejectsWith('not_found', media.open(key).then(bytesOf))
    assert.deepEqual((await media.find(key.slice(0, -1))).map(file => file.key), neighbours.toSorted()) // prettier-ignore
    await media.delete(key)
    const file = await media.save(key, streamOf(png(8, 8)), ROOMY)
    assert.deepEqual((await media.find(key))[0], file)
  },

  async 'nobody changes a stored file through what was handed out'({ media }) {
    const bytes = png(64, 64)
    const key = newKey()
    const file = await media.save(key, streamOf(bytes), ROOMY)
    const before = structuredClone(file)
    tryToSpoil(() => (file.contentType = 'text/html'))
    const [found] = await media.find(key)
    tryToSpoil(() => (found!.bytes = 0))
    for await (const chunk of await media.open(key)) chunk.fill(0)
    assert.deepEqual(await media.find(key), [before])
    assert((await contentOf(media, key)).equals(bytes))
  },
}
