import { SafelightError } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import {
  ascii,
  box,
  ebmlHeader,
  element,
  fileType,
  join,
  movieIndex,
  picture,
  uint32,
  uint64,
  webm,
} from '../test/samples.ts'
import type { Clip } from '../test/samples.ts'
import { UPLOAD_LIMITS, bytesSource, probe } from './index.ts'

const clip: Clip = { width: 768, height: 432, unitsPerSecond: 1_000, units: 5_000 }

async function refusal(bytes: Uint8Array): Promise<string> {
  const error: unknown = await probe(bytes).then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!SafelightError.is(error)) throw new Error('it was not refused properly', { cause: error })
  return error.code
}

describe('pictures', () => {
  test.each(['png', 'jpeg', 'webp', 'avif', 'gif'] as const)('reads the size of a %s', async format => {
    const found = await probe(await picture(format, 123, 45))
    expect(found).toEqual({ contentType: `image/${format}`, width: 123, height: 45, durationSeconds: null })
  })

  test('reads lossless WebP and WebP with transparency', async () => {
    const { default: sharp } = await import('sharp')
    const image = sharp({
      create: { width: 33, height: 17, channels: 4, background: { r: 9, g: 99, b: 200, alpha: 0.5 } },
    })
    for (const options of [{ lossless: true }, { quality: 50 }]) {
      const bytes = new Uint8Array(await image.clone().webp(options).toBuffer())
      expect(await probe(bytes)).toMatchObject({ width: 33, height: 17 })
    }
  })

  test.each([1, 3, 6, 8])('gives the size as shown for a JPEG of orientation %i', async orientation => {
    const found = await probe(await picture('jpeg', 40, 20, orientation))
    expect(found).toMatchObject(orientation >= 5 ? { width: 20, height: 40 } : { width: 40, height: 20 })
  })

  test('finds the frame of a JPEG behind long metadata', async () => {
    const plain = await picture('jpeg', 40, 20)
    const filler = join([0xff, 0xe2, 0xff, 0xff], new Uint8Array(65_533))
    const bytes = join(plain.subarray(0, 2), ...Array.from({ length: 50 }, () => filler), plain.subarray(2))
    expect(await probe(bytes)).toMatchObject({ width: 40, height: 20 })
  })
})

describe('clips', () => {
  test.each([
    ['with the index in front', clip, join(fileType, movieIndex(clip), box('mdat', new Uint8Array(50)))],
    ['with the index behind', clip, join(fileType, box('mdat', new Uint8Array(50)), movieIndex(clip))],
    ['with 64-bit times', clip, join(fileType, movieIndex({ ...clip, isLong: true }))],
  ])('reads an MP4 %s', async (_, { width, height }, bytes) => {
    expect(await probe(bytes)).toEqual({ contentType: 'video/mp4', width, height, durationSeconds: 5 })
  })

  test('turns an MP4 that was filmed upright', async () => {
    expect(await probe(join(fileType, movieIndex({ ...clip, isTurned: true })))).toMatchObject({
      width: 432,
      height: 768,
    })
  })

  test('an MP4 that does not know its duration has none', async () => {
    for (const units of [0, 0xffff_ffff]) {
      expect(await probe(join(fileType, movieIndex({ ...clip, units })))).toMatchObject({ durationSeconds: null })
    }
  })

  test('reads WebM, closed, open and without a duration', async () => {
    const size = { width: 640, height: 360 }
    const found = { contentType: 'video/webm', ...size }
    expect(await probe(webm({ ...size, seconds: 2.5 }))).toEqual({ ...found, durationSeconds: 2.5 })
    expect(await probe(webm({ ...size, seconds: 2.5, isOpen: true }))).toEqual({ ...found, durationSeconds: 2.5 })
    expect(await probe(webm(size))).toEqual({ ...found, durationSeconds: null })
  })

  test('of 300 MB with the index at the end only some kilobytes are read', async () => {
    const head = join(fileType, uint32(1), ascii('mdat'), uint64(300_000_016n))
    const tail = movieIndex(clip)
    const size = head.length + 300_000_000 + tail.length
    let bytesRead = 0
    const found = await probe({
      size,
      async read(offset, length) {
        const end = Math.min(size, offset + length)
        bytesRead += end - offset
        const bytes = new Uint8Array(end - offset)
        for (let at = offset; at < end; at += 1)
          bytes[at - offset] = head[at] ?? tail[at - head.length - 300_000_000] ?? 0
        return bytes
      },
    })
    expect(found).toMatchObject({ width: 768, height: 432, durationSeconds: 5 })
    expect(bytesRead).toBeLessThan(20_000)
  })
})

describe('refuses', () => {
  test('a script disguised as a GIF', async () => {
    expect(await refusal(ascii('GIF89a/*.............*/=1;alert(document.domain)//'))).toBe('unsupported_media')
  })

  test('sizes of nothing', async () => {
    const png = await picture('png', 4, 4)
    png.fill(0, 16, 20)
    expect(await refusal(png)).toBe('unsupported_media')
    expect(await refusal(join(fileType, movieIndex({ ...clip, width: 0 })))).toBe('unsupported_media')
    expect(await refusal(webm({ width: 640, height: 0 }))).toBe('unsupported_media')
  })

  test('sizes and lengths beyond the limits', async () => {
    const png = await picture('png', 4, 4)
    png.fill(0xff, 16, 24)
    expect(await refusal(png)).toBe('too_large')
    expect(await refusal(join(fileType, movieIndex({ ...clip, units: 4_000_000 })))).toBe('too_large')
    await expect(probe(await picture('png', 9, 4), { ...UPLOAD_LIMITS, maxPixels: 35 })).rejects.toMatchObject({
      code: 'too_large',
    })
  })

  test('an MP4 of sound only', async () => {
    const sound = box('hdlr', uint32(0), uint32(0), ascii('soun'), new Uint8Array(13))
    expect(await refusal(join(fileType, box('moov', box('trak', box('mdia', sound)))))).toBe('unsupported_media')
  })

  test('boxes that contain themselves, or claim to be longer than the file', async () => {
    for (const length of [1, 2, 7, 9_999_999, 0xffff_ffff]) {
      expect(await refusal(join(fileType, uint32(length), ascii('mdat')))).toBe('unsupported_media')
    }
    const segment = [0x18, 0x53, 0x80, 0x67]
    expect(await refusal(join(ebmlHeader('webm'), segment, [0x08, 0xff, 0xff, 0xff, 0xff]))).toBe('unsupported_media')
  })

  test.each([
    ['GIF comments', join(ascii('GIF89a'), [9, 0, 9, 0, 0, 0, 0], repeat([0x21, 0xfe, 0x01, 0x00, 0x00], 200_000))],
    ['JPEG segments', join([0xff, 0xd8], repeat([0xff, 0xe5, 0x00, 0x02], 200_000))],
    ['MP4 boxes', join(fileType, repeat(box('free'), 200_000))],
    ['WebM elements', join(ebmlHeader('webm'), element([0x18, 0x53, 0x80, 0x67], repeat([0xec, 0x80], 200_000)))],
  ])('a file of endless %s, early', async (_, bytes) => {
    let reads = 0
    const source = bytesSource(bytes)
    const counting = {
      size: source.size,
      read: (offset: number, length: number) => ((reads += 1), source.read(offset, length)),
    }
    await expect(probe(counting)).rejects.toMatchObject({ code: 'unsupported_media' })
    expect(reads).toBeLessThan(150)
  })

  test('every truncation, without another kind of error', async () => {
    const whole = [
      join(fileType, movieIndex(clip)),
      webm({ width: 64, height: 36, seconds: 1 }),
      await picture('jpeg', 9, 9),
    ]
    for (const bytes of whole) {
      for (let length = 0; length < Math.min(bytes.length, 400); length += 1) {
        const result: unknown = await probe(bytes.subarray(0, length)).catch((reason: unknown) => reason)
        expect(SafelightError.is(result, 'unsupported_media') || 'width' in (result as object)).toBe(true)
      }
    }
  })
})

function repeat(part: Uint8Array | readonly number[], count: number): Uint8Array {
  const bytes = new Uint8Array(part.length * count)
  for (let index = 0; index < count; index += 1) bytes.set(part, index * part.length)
  return bytes
}
