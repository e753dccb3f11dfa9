/**
 * Mends what the encoder's MP4 lacks: it names no key frames (so that a player that seeks shows wrong pictures), puts the
 * index behind the film (so that nothing plays before all has come), and writes the hour of the day into it (so that the
 * same film never has the same bytes).
 */

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl'])
/** Their payload: version, flags, creation and modification time. */
const DATED = new Set(['mvhd', 'tkhd', 'mdhd'])

interface Box {
  type: string
  /** Of the whole box, with its head. */
  bytes: Uint8Array
}

/** The same film, with its index in front; every `groupOfPictures`-th of its `frames` is a key frame. */
export function mendMp4(film: Uint8Array, frames: number, groupOfPictures: number): Uint8Array {
  const parts = boxesOf(film)
  const find = (type: string): Box => {
    const box = parts.find(part => part.type === type)
    if (!box) throw new Error(`The encoder wrote no ${type}.`)
    return box
  }
  const [head, index, media] = [find('ftyp'), find('moov'), find('mdat')]
  const keyFrames = keyFramesOf(frames, groupOfPictures)
  const mend = (shift: number): Uint8Array => mended(index, keyFrames, shift)
  const before = media.bytes.byteOffset - film.byteOffset
  const after = head.bytes.length + mend(0).length
  return joined([head.bytes, mend(after - before), media.bytes])
}

function boxesOf(bytes: Uint8Array): Box[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const boxes: Box[] = []
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const length = view.getUint32(offset)
    if (length < 8 || offset + length > bytes.length) throw new Error('The encoder wrote a broken file.')
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8))
    boxes.push({ type, bytes: bytes.subarray(offset, offset + length) })
    offset += length
  }
  return boxes
}

function mended({ type, bytes }: Box, keyFrames: Uint8Array, shift: number): Uint8Array {
  if (CONTAINERS.has(type)) {
    const children = boxesOf(bytes.subarray(8)).map(child => mended(child, keyFrames, shift))
    if (type === 'stbl') children.push(keyFrames)
    return boxOf(type, joined(children))
  }
  const copy = bytes.slice()
  if (DATED.has(type)) copy.fill(0, 12, 20)
  if (type === 'stco') shiftChunks(copy, shift)
  return copy
}

/** Where the chunks of the film lie, counted from the start of the file. */
function shiftChunks(box: Uint8Array, shift: number): void {
  const view = new DataView(box.buffer, box.byteOffset, box.length)
  const count = view.getUint32(12)
  for (let chunk = 0; chunk < count; chunk += 1) view.setUint32(16 + chunk * 4, view.getUint32(16 + chunk * 4) + shift)
}

/** The table of key frames, counted from 1. */
function keyFramesOf(frames: number, groupOfPictures: number): Uint8Array {
  const count = Math.ceil(frames / groupOfPictures)
  const payload = new Uint8Array(8 + count * 4)
  const view = new DataView(payload.buffer)
  view.setUint32(4, count)
  for (let index = 0; index < count; index += 1) view.setUint32(8 + index * 4, 1 + index * groupOfPictures)
  return boxOf('stss', payload)
}

function boxOf(type: string, payload: Uint8Array): Uint8Array {
  const box = new Uint8Array(8 + payload.length)
  new DataView(box.buffer).setUint32(0, box.length)
  for (let index = 0; index < 4; index += 1) box[4 + index] = type.charCodeAt(index)
  box.set(payload, 8)
  return box
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
