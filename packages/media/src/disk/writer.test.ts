import type { FileHandle } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { BLOCK_BYTES, writerOf } from './writer.ts'

/** A file whose disk takes at most so many bytes at a time, and fails where it is told to. */
function slowFile({ most = Infinity, failsAt = Infinity }: { most?: number; failsAt?: number } = {}) {
  const written: number[] = []
  let underWay = 0
  let calls = 0
  const take = async (bytes: Uint8Array) => {
    expect(++underWay).toBe(1)
    await new Promise(resolve => setImmediate(resolve))
    underWay--
    if (++calls >= failsAt) throw new Error('the disk is full')
    const taken = bytes.subarray(0, most)
    for (const byte of taken) written.push(byte)
    return { bytesWritten: taken.length }
  }
  const file = {
    write: (bytes: Uint8Array, offset = 0) => take(bytes.subarray(offset)),
  }
  return { file: file as unknown as FileHandle, written, isBusy: () => underWay > 0 }
}
const SIZE = 2 * BLOCK_BYTES + 777
const bytes = Uint8Array.from({ length: SIZE }, (_, index) => (index * 31 + (index >> 8)) & 255)

test.each([
  [Infinity, 1000],
  [60_000, 1000],
  [Infinity, SIZE],
  [100_000, 333_333],
])(
  'everything arrives in its order: a disk that takes %d, chunks of %i, in a buffer that is used again',
  async (most, size) => {
    const { file, written } = slowFile({ most })
    const writer = writerOf(file)
    const chunk = new Uint8Array(size)
    for (let offset = 0; offset < SIZE; offset += size) {
      const part = bytes.subarray(offset, offset + size)
      chunk.set(part)
      await writer.write(chunk.subarray(0, part.length))
      chunk.fill(0)
    }
    await writer.end()
    expect(Buffer.compare(Buffer.from(written), bytes)).toBe(0)
  },
)

test('a write that fails is told, by a later one or at the end, and nothing is under way after `rest`', async () => {
  for (const failsAt of [1, 2, 3]) {
    const { file, isBusy } = slowFile({ failsAt })
    const writer = writerOf(file)
    await expect(writer.write(bytes).then(() => writer.end())).rejects.toThrow('the disk is full')
    await writer.rest()
    expect(isBusy()).toBe(false)
  }
})

test('a reader that is faster than the disk waits for it', async () => {
  const { file, written } = slowFile()
  const writer = writerOf(file)
  await writer.write(bytes.subarray(0, BLOCK_BYTES))
  expect(written).toHaveLength(0)
  await writer.write(bytes.subarray(BLOCK_BYTES))
  expect(written).toHaveLength(BLOCK_BYTES)
  await writer.end()
  expect(written).toHaveLength(SIZE)
})
