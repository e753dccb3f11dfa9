import type { MediaType } from './types.ts'

/** This many bytes from the start are enough for `sniff`. */
export const SNIFF_BYTES = 64

/**
 * The type of a file by its first bytes, or null when it is none of ours: everything that a browser could run (SVG,
 * HTML, XML, PDF, scripts) is null, whatever it was called. Says nothing about the rest of the file; `probe` does.
 */
export function sniff(bytes: Uint8Array): MediaType | null {
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png'
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return 'image/jpeg'
  if (text(bytes, 0, 6) === 'GIF89a' || text(bytes, 0, 6) === 'GIF87a') return 'image/gif'
  if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 12) === 'WEBP') return 'image/webp'
  if (text(bytes, 4, 8) === 'ftyp') return sniffBrand(bytes)
  if (startsWith(bytes, [0x1a, 0x45, 0xdf, 0xa3])) return sniffDocType(bytes)
  return null
}

const MP4_BRANDS = new Set([
  'isom',
  'iso2',
  'iso3',
  'iso4',
  'iso5',
  'iso6',
  'mp41',
  'mp42',
  'avc1',
  'M4V ',
  'dash',
  'MSNV',
])

/** ISO base media: the major brand decides, except that `mif1` and `msf1` only say "a picture" and leave it to the others. */
function sniffBrand(bytes: Uint8Array): MediaType | null {
  const major = text(bytes, 8, 12)
  if (major === 'avif' || major === 'avis') return 'image/avif'
  if (MP4_BRANDS.has(major)) return 'video/mp4'
  if (major !== 'mif1' && major !== 'msf1') return null
  const boxEnd = Math.min(bytes.length, ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0))
  for (let offset = 16; offset + 4 <= boxEnd; offset += 4) {
    const brand = text(bytes, offset, offset + 4)
    if (brand === 'avif' || brand === 'avis') return 'image/avif'
  }
  return null
}

/** EBML: WebM says so in its DocType (element 0x4282); Matroska and others are refused. */
function sniffDocType(bytes: Uint8Array): MediaType | null {
  for (let offset = 4; offset + 7 <= Math.min(bytes.length, SNIFF_BYTES); offset += 1) {
    if (bytes[offset] === 0x42 && bytes[offset + 1] === 0x82 && bytes[offset + 2] === 0x84) {
      return text(bytes, offset + 3, offset + 7) === 'webm' ? 'video/webm' : null
    }
  }
  return null
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte)
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end))
}
