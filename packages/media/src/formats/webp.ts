import { damaged } from '../damaged.ts'
import { fourCharacters } from '../reader.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'

/** Where the first chunk's payload begins: RIFF header, `WEBP`, the chunk's name and length. */
const PAYLOAD = 20

/** WebP (RFC 9649): lossy `VP8 `, lossless `VP8L` or extended `VP8X`, told apart by the first chunk. */
export async function probeWebp(reader: Reader): Promise<Found> {
  const chunk = fourCharacters(await reader.at(12, 4))
  const size = sizeIn(chunk, await reader.at(PAYLOAD, 10))
  return { ...size, durationSeconds: null }
}

function sizeIn(chunk: string, view: DataView): { width: number; height: number } {
  switch (chunk) {
    case 'VP8 ':
      if ((view.getUint8(0) & 1) !== 0 || view.getUint8(3) !== 0x9d || view.getUint16(4) !== 0x012a) {
        throw damaged('the WebP does not begin with a key frame')
      }
      return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff }
    case 'VP8L': {
      if (view.getUint8(0) !== 0x2f) throw damaged('the lossless WebP lacks its mark')
      const bits = view.getUint32(1, true)
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X':
      return { width: 1 + uint24(view, 4), height: 1 + uint24(view, 7) }
    default:
      throw damaged('the WebP begins with an unknown part')
  }
}

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16)
}
