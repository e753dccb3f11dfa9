import { describe, expect, test } from 'vitest'
import { SAMPLE_FILES, png } from '../testing/conformance/sample-files.ts'
import { sniff } from './sniff.ts'

function bytes(...parts: (string | number[])[]): Uint8Array {
  return new Uint8Array(
    parts.flatMap(part => (typeof part === 'string' ? Array.from(part, each => each.charCodeAt(0)) : part)),
  )
}
const zeros = (count: number) => Array<number>(count).fill(0)

describe('size', () => {
  test('of a PNG', () => {
    expect(sniff(png(640, 1136))).toEqual({ contentType: 'image/png', width: 640, height: 1136 })
  })

  test.each([0xc0, 0xc1, 0xc2, 0xcf])('of a JPEG whose frame header is %i, after other segments', marker => {
    const exif = [0xff, 0xe1, 0, 6, 1, 2, 3, 4]
    const huffman = [0xff, 0xc4, 0, 4, 9, 9]
    const frame = [0xff, marker, 0, 11, 8, 0x04, 0x70, 0x02, 0x80, 1, 0, 0, 0]
    const found = sniff(bytes([0xff, 0xd8], exif, huffman, frame))
    expect(found).toEqual({ contentType: 'image/jpeg', width: 640, height: 1136 })
  })

  test('of a WebP in each of its three forms', () => {
    const riff = (chunk: string, content: number[]) => bytes('RIFF', zeros(4), 'WEBP', chunk, zeros(4), content)
    const lossy = riff('VP8 ', [...zeros(3), 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x70, 0x04])
    const lossless = riff('VP8L', [0x2f, 0x7f, 0xc2, 0x1b, 0x01, ...zeros(6)])
    const extended = riff('VP8X', [...zeros(4), 0x7f, 0x02, 0x00, 0x6f, 0x04, 0x00])
    for (const file of [lossy, lossless, extended]) {
      expect(sniff(file)).toEqual({ contentType: 'image/webp', width: 640, height: 1136 })
    }
    expect(sniff(riff('ALPH', zeros(20)))).toEqual({ contentType: 'image/webp', width: null, height: null })
  })

  test('is null where the file ends before it', () => {
    for (const { contentType, bytes: whole } of SAMPLE_FILES) {
      for (let length = 0; length < Math.min(whole.length, 80); length++) {
        const found = sniff(whole.subarray(0, length))
        if (found) expect(found.contentType).toBe(contentType)
      }
    }
    expect(sniff(bytes([0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff]))).toEqual({
      contentType: 'image/jpeg',
      width: null,
      height: null,
    })
  })

  test('of a JPEG with nothing but padding is null, and found quickly', () => {
    const found = sniff(bytes([0xff, 0xd8, 0xff], zeros(10_000)))
    expect(found).toEqual({ contentType: 'image/jpeg', width: null, height: null })
  })
})

describe('type', () => {
  test.each(['qt  ', 'heic', 'mif1', 'M4A ', 'XXXX'])('%s is none of ours', brand => {
    expect(sniff(bytes(zeros(4), 'ftyp', brand, zeros(20)))).toBeNull()
  })

  test.each(['isom', 'iso5', 'mp42', 'avc1', 'M4V ', 'dash'])('%s is an MP4', brand => {
    expect(sniff(bytes(zeros(4), 'ftyp', brand, zeros(20)))?.contentType).toBe('video/mp4')
  })

  test('Matroska is not WebM', () => {
    const start = [0x1a, 0x45, 0xdf, 0xa3, 0x8b, 0x42, 0x82, 0x88]
    expect(sniff(bytes(start, 'matroska', zeros(80)))).toBeNull()
    expect(sniff(bytes(start, 'matroska', zeros(80), 'webm'))).toBeNull()
    expect(sniff(bytes('a text about webm'))).toBeNull()
  })
})
