/**
 * Small files of every type we store. PNG, JPEG, GIF and WebP are whole pictures; AVIF, MP4 and WebM have every header
 * that tells type, size and duration, and nothing to decode.
 */
import { crc32, deflateSync } from 'node:zlib'

export interface SampleFile {
  contentType: string
  bytes: Uint8Array<ArrayBuffer>
  width: number
  height: number
}

/** A grey PNG; `seed` makes its bytes differ. */
export function png(width: number, height: number, seed = 0): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, 0], 8) // 8 bits of grey
  const rows = Buffer.alloc((width + 1) * height, 128)
  for (let row = 0; row < height; row++) rows[row * (width + 1)] = 0 // no filter
  const comment = Buffer.from(`seed\0${seed}`, 'latin1')
  const chunks = [pngChunk('IHDR', header), pngChunk('tEXt', comment), pngChunk('IDAT', deflateSync(rows)), pngChunk('IEND', Buffer.alloc(0))] // prettier-ignore
  return bytesOf(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks)
}

function pngChunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content])
  return Buffer.concat([uint32(content.length), named, uint32(crc32(named))])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

function bytesOf(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

/** A box of the ISO base media file format. */
function box(type: string, ...content: readonly Uint8Array[]): Buffer {
  const inner = Buffer.concat(content)
  return Buffer.concat([uint32(inner.length + 8), Buffer.from(type, 'latin1'), inner])
}
const zeros = (count: number) => Buffer.alloc(count)
const ftyp = (brand: string) => box('ftyp', Buffer.from(brand, 'latin1'), uint32(0), Buffer.from(brand, 'latin1'))
/** Version, flags and two instants; then a thousand units to the second, and five of them. */
const fiveSeconds = Buffer.concat([zeros(12), uint32(1000), uint32(5000)])

function avif(width: number, height: number): Uint8Array<ArrayBuffer> {
  const size = box('ispe', zeros(4), uint32(width), uint32(height))
  return bytesOf(ftyp('avif'), box('meta', zeros(4), box('iprp', box('ipco', size))), box('mdat', zeros(8)))
}

function mp4(width: number, height: number): Uint8Array<ArrayBuffer> {
  const matrix = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map(uint32)
  const trackHeader = box('tkhd', zeros(40), ...matrix, uint32(width * 0x10000), uint32(height * 0x10000))
  const handler = box('hdlr', zeros(8), Buffer.from('vide', 'latin1'), zeros(13))
  const media = box('mdia', box('mdhd', fiveSeconds, zeros(4)), handler)
  const movie = box('moov', box('mvhd', fiveSeconds, zeros(80)), box('trak', trackHeader, media))
  return bytesOf(ftyp('isom'), movie, box('mdat', zeros(8)))
}

/** An element of Matroska: an id, a length of one byte or four, the content. */
function element(id: number[], ...content: readonly Uint8Array[]): Buffer {
  const inner = Buffer.concat(content)
  const length = inner.length < 127 ? Buffer.from([inner.length | 0x80]) : uint32(inner.length | 0x10000000)
  return Buffer.concat([Buffer.from(id), length, inner])
}

function webm(width: number, height: number): Uint8Array<ArrayBuffer> {
  const seconds = Buffer.alloc(8)
  seconds.writeDoubleBE(5000)
  const size = [element([0xb0], uint32(width)), element([0xba], uint32(height))]
  const track = element([0xae], element([0x83], Buffer.from([1])), element([0xe0], ...size))
  const info = element(
    [0x15, 0x49, 0xa9, 0x66],
    element([0x2a, 0xd7, 0xb1], uint32(1_000_000)),
    element([0x44, 0x89], seconds),
  )
  const head = element([0x1a, 0x45, 0xdf, 0xa3], element([0x42, 0x82], Buffer.from('webm', 'latin1')))
  return bytesOf(head, element([0x18, 0x53, 0x80, 0x67], info, element([0x16, 0x54, 0xae, 0x6b], track)))
}

const from64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))

export const SAMPLE_FILES: readonly SampleFile[] = [
  { contentType: 'image/png', bytes: png(64, 96), width: 64, height: 96 },
  {
    contentType: 'image/jpeg',
    bytes: from64(
      '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=',
    ),
    width: 1,
    height: 1,
  },
  {
    contentType: 'image/webp',
    bytes: from64('UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA'),
    width: 1,
    height: 1,
  },
  {
    contentType: 'image/webp',
    bytes: from64('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=='),
    width: 1,
    height: 1,
  },
  {
    contentType: 'image/gif',
    bytes: from64('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'),
    width: 1,
    height: 1,
  },
  { contentType: 'image/avif', bytes: avif(64, 96), width: 64, height: 96 },
  { contentType: 'video/mp4', bytes: mp4(640, 360), width: 640, height: 360 },
  { contentType: 'video/webm', bytes: webm(640, 360), width: 640, height: 360 },
]

const text = (content: string) => new Uint8Array(Buffer.from(content))

/** What is none of our types, whatever its name says. */
export const FOREIGN_FILES: readonly { name: string; bytes: Uint8Array<ArrayBuffer> }[] = [
  { name: 'nothing', bytes: text('') },
  { name: 'one byte', bytes: text('\x89') },
  { name: 'a page', bytes: text('<!doctype html><script>alert(1)</script>'.padEnd(200)) },
  { name: 'an SVG', bytes: text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'.padEnd(200)) },
  { name: 'text', bytes: text('{"error":"not an image"}'.padEnd(200)) },
  { name: 'a PDF', bytes: text('%PDF-1.7\n'.padEnd(200)) },
  { name: 'an archive', bytes: text('PK\u0003\u0004'.padEnd(200)) },
  { name: 'a script that mentions PNG', bytes: text('#!/bin/sh\n# \x89PNG'.padEnd(200)) },
  { name: 'a RIFF that is sound', bytes: text('RIFF\u0024\u0000\u0000\u0000WAVEfmt '.padEnd(200)) },
  { name: 'a PNG with a wrong first byte', bytes: new Uint8Array([0x88, ...png(2, 2).subarray(1)]) },
]
