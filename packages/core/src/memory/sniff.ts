/** What bytes are, by their first few: names and headers are never believed. */
import type { StoredFile } from '../contracts.ts'

type Seen = Pick<StoredFile, 'contentType' | 'width' | 'height'>

/** The type, and the dimensions of PNG, JPEG and WebP; null for what is none of our types. */
export function sniff(bytes: Uint8Array): Seen | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = (start: number, length: number) => String.fromCharCode(...bytes.subarray(start, start + length))
  const unknown = { width: null, height: null }
  if (text(0, 8) === '\x89PNG\r\n\x1a\n' && bytes.length >= 24) {
    return { contentType: 'image/png', width: view.getUint32(16), height: view.getUint32(20) }
  }
  if (text(0, 3) === '\xff\xd8\xff') return { contentType: 'image/jpeg', ...(jpegSize(view) ?? unknown) }
  if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP')
    return { contentType: 'image/webp', ...(webpSize(view, text(12, 4)) ?? unknown) }
  if (text(0, 6) === 'GIF87a' || text(0, 6) === 'GIF89a') return { contentType: 'image/gif', ...unknown }
  if (text(4, 4) === 'ftyp') {
    if (/^avi[fs]/.test(text(8, 4))) return { contentType: 'image/avif', ...unknown }
    return /^(iso|mp4|avc1|M4V|dash)/.test(text(8, 4)) ? { contentType: 'video/mp4', ...unknown } : null
  }
  if (text(0, 4) === '\x1a\x45\xdf\xa3' && text(0, 64).includes('webm'))
    return { contentType: 'video/webm', ...unknown }
  return null
}

/** From the first frame header; segments before it are skipped by their length. */
function jpegSize(view: DataView): { width: number; height: number } | null {
  for (let at = 2; at + 9 <= view.byteLength; at += 2 + view.getUint16(at + 2)) {
    if (view.getUint8(at) !== 0xff) return null
    const marker = view.getUint8(at + 1)
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
  }
  return null
}

function webpSize(view: DataView, chunk: string): { width: number; height: number } | null {
  if (view.byteLength < 30) return null
  const packed = view.getUint32(21, true)
  switch (chunk) {
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
    case 'VP8L':
      return { width: 1 + (packed & 0x3fff), height: 1 + ((packed >>> 14) & 0x3fff) }
    case 'VP8X':
      return { width: 1 + (view.getUint32(24, true) & 0xffffff), height: 1 + (view.getUint32(26, true) >>> 8) }
    default:
      return null
  }
}
