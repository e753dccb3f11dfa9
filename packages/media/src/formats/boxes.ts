import { damaged } from '../damaged.ts'
import { fourCharacters } from '../reader.ts'
import type { Reader } from '../reader.ts'

/** A part of an ISO base media file (MP4, AVIF): where its payload lies. */
export interface Box {
  type: string
  start: number
  end: number
}

/** The boxes between two positions, one after the other. Each is at least its own header long, so this always ends. */
export async function* boxes(reader: Reader, start: number, end: number): AsyncGenerator<Box> {
  let offset = start
  while (offset + 8 <= end) {
    const head = await reader.at(offset, 8)
    const { headerBytes, bytes } = await boxLength(reader, offset, head.getUint32(0), end)
    const type = fourCharacters(head, 4)
    if (bytes < headerBytes || offset + bytes > end) throw damaged(`its part "${printable(type)}" is longer than it`)
    yield { type, start: offset + headerBytes, end: offset + bytes }
    offset += bytes
  }
}

/** Length 1 stands for a 64-bit length behind the type, 0 for "to the end". */
async function boxLength(
  reader: Reader,
  offset: number,
  short: number,
  end: number,
): Promise<{ headerBytes: number; bytes: number }> {
  if (short === 0) return { headerBytes: 8, bytes: end - offset }
  if (short !== 1) return { headerBytes: 8, bytes: short }
  const long = (await reader.at(offset + 8, 8)).getBigUint64(0)
  return { headerBytes: 16, bytes: Number(long) }
}

/** The first box of this type among the children, or null. */
export async function child(reader: Reader, parent: { start: number; end: number }, type: string): Promise<Box | null> {
  for await (const box of boxes(reader, parent.start, parent.end)) if (box.type === type) return box
  return null
}

/** The head of a box's payload, as far as it goes and `length` at most. */
export async function payload(reader: Reader, box: Box, length: number): Promise<DataView> {
  if (box.end - box.start < length) throw damaged(`its part "${printable(box.type)}" is too short`)
  return reader.at(box.start, length)
}

function printable(type: string): string {
  return type.replace(/[^ -~]/g, '?')
}
