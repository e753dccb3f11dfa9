/** Whatever the bytes are, a look at them ends soon, in a description or in the one declared error. */
import { SafelightError } from '@safelight/core'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fileType, join, movieIndex, picture, webm } from '../test/samples.ts'
import { bytesSource, probe, sniff } from './index.ts'

const MAX_READS = 4_001

async function endsWell(bytes: Uint8Array): Promise<void> {
  let reads = 0
  const source = bytesSource(bytes)
  const counting = {
    size: source.size,
    read: (offset: number, length: number) => ((reads += 1), source.read(offset, length)),
  }
  try {
    const found = await probe(counting)
    expect(found.contentType).toBe(sniff(bytes))
    expect(found.width).toBeGreaterThan(0)
    expect(found.height).toBeGreaterThan(0)
  } catch (error) {
    if (!SafelightError.is(error, 'unsupported_media') && !SafelightError.is(error, 'too_large')) throw error
  }
  expect(reads).toBeLessThanOrEqual(MAX_READS)
}

const clip = { width: 64, height: 36, unitsPerSecond: 24, units: 72 }
const samples = [
  await picture('png', 12, 8),
  await picture('jpeg', 12, 8, 6),
  await picture('webp', 12, 8),
  await picture('avif', 16, 16),
  await picture('gif', 12, 8),
  join(fileType, movieIndex(clip)),
  join(fileType, movieIndex({ ...clip, isLong: true })),
  webm({ width: 64, height: 36, seconds: 3 }),
]
const magic = samples.map(sample => sample.subarray(0, 24))

test('random bytes', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), endsWell), { numRuns: 500 })
})

test('random bytes behind an honest beginning', async () => {
  const behind = fc.tuple(fc.constantFrom(...magic), fc.uint8Array({ maxLength: 600 }))
  await fc.assert(
    fc.asyncProperty(behind, ([start, rest]) => endsWell(join(start, rest))),
    { numRuns: 2_000 },
  )
})

test('valid files with bytes changed, cut and doubled', async () => {
  const edit = fc.record({ at: fc.nat(700), value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)) })
  const mutation = fc.record({
    sample: fc.constantFrom(...samples),
    edits: fc.array(edit, { maxLength: 8 }),
    keep: fc.double({ min: 0, max: 1, noNaN: true }),
    isDoubled: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(mutation, async ({ sample, edits, keep, isDoubled }) => {
      const bytes = sample.slice()
      for (const { at, value } of edits) bytes[at % bytes.length] = value
      const kept = keep > 0.5 ? bytes : bytes.subarray(0, Math.floor(bytes.length * keep * 2))
      await endsWell(isDoubled ? join(kept, kept) : kept)
    }),
    { numRuns: 3_000 },
  )
})
