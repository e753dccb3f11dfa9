import { damaged } from '../damaged.ts'
import { fourCharacters } from '../reader.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'

const SIGNATURE_BYTES = 8

/** PNG (RFC 2083): IHDR must be the first chunk. */
export async function probePng(reader: Reader): Promise<Found> {
  const header = await reader.at(SIGNATURE_BYTES, 21)
  if (header.getUint32(0) !== 13 || fourCharacters(header, 4) !== 'IHDR') throw damaged('a PNG begins with its header')
  const bitDepth = header.getUint8(16)
  const colorType = header.getUint8(17)
  if (![1, 2, 4, 8, 16].includes(bitDepth) || ![0, 2, 3, 4, 6].includes(colorType)) {
    throw damaged('the colours of the PNG make no sense')
  }
  return { width: header.getUint32(8), height: header.getUint32(12), durationSeconds: null }
}
