import { damaged } from '../damaged.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'

const HEADER_BYTES = 13
const EXTENSION = 0x21
const IMAGE = 0x2c

/**
 * GIF: the logical screen gives the size. The blocks are followed to the first picture, because a script that begins
 * with `GIF89a` (the usual disguise) has none.
 */
export async function probeGif(reader: Reader): Promise<Found> {
  const header = await reader.at(0, HEADER_BYTES)
  const flags = header.getUint8(10)
  const colorTableBytes = flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0
  await findPicture(reader, HEADER_BYTES + colorTableBytes)
  return { width: header.getUint16(6, true), height: header.getUint16(8, true), durationSeconds: null }
}

async function findPicture(reader: Reader, start: number): Promise<void> {
  let offset = start
  for (;;) {
    const introducer = (await reader.at(offset, 1)).getUint8(0)
    if (introducer === IMAGE) return
    if (introducer !== EXTENSION) throw damaged('the GIF holds no picture')
    offset = await skipSubBlocks(reader, offset + 2)
  }
}

async function skipSubBlocks(reader: Reader, start: number): Promise<number> {
  let offset = start
  for (;;) {
    const length = (await reader.at(offset, 1)).getUint8(0)
    offset += 1 + length
    if (length === 0) return offset
  }
}
