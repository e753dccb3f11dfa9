import { damaged } from '../damaged.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'

/** The few of WebM's elements that say how large and how long, by their ids (RFC 9559). */
const SEGMENT = 0x1853_8067
const INFO = 0x1549_a966
const TIMESTAMP_SCALE = 0x2a_d7b1
const DURATION = 0x4489
const TRACKS = 0x1654_ae6b
const TRACK_ENTRY = 0xae
const TRACK_TYPE = 0x83
const VIDEO = 0xe0
const PIXEL_WIDTH = 0xb0
const PIXEL_HEIGHT = 0xba
const VIDEO_TRACK = 1

interface Element {
  id: number
  start: number
  end: number
}

/** WebM: `Info` and `Tracks` of the one segment. A recorder that never knew its end writes no duration. */
export async function probeWebm(reader: Reader): Promise<Found> {
  const segment = await find(reader, { start: 0, end: reader.size }, SEGMENT)
  if (!segment) throw damaged('the WebM has no content')
  let size: { width: number; height: number } | null = null
  let durationSeconds: number | null = null
  let hasInfo = false
  for await (const element of elements(reader, segment)) {
    if (element.id === TRACKS) size = await pictureSize(reader, element)
    if (element.id === INFO) {
      durationSeconds = await durationIn(reader, element)
      hasInfo = true
    }
    if (size && hasInfo) break
  }
  if (!size) throw damaged('the WebM has no moving picture')
  return { ...size, durationSeconds }
}

async function pictureSize(reader: Reader, tracks: Element): Promise<{ width: number; height: number } | null> {
  for await (const track of elements(reader, tracks)) {
    if (track.id !== TRACK_ENTRY) continue
    const type = await find(reader, track, TRACK_TYPE)
    const video = await find(reader, track, VIDEO)
    if (!video || !type || (await uint(reader, type)) !== VIDEO_TRACK) continue
    const width = await find(reader, video, PIXEL_WIDTH)
    const height = await find(reader, video, PIXEL_HEIGHT)
    if (width && height) return { width: await uint(reader, width), height: await uint(reader, height) }
  }
  return null
}

async function durationIn(reader: Reader, info: Element): Promise<number | null> {
  const scale = await find(reader, info, TIMESTAMP_SCALE)
  const duration = await find(reader, info, DURATION)
  if (!duration) return null
  const nanosecondsPerUnit = scale ? await uint(reader, scale) : 1_000_000
  return ((await float(reader, duration)) * nanosecondsPerUnit) / 1e9
}

async function find(reader: Reader, parent: { start: number; end: number }, id: number): Promise<Element | null> {
  for await (const element of elements(reader, parent)) if (element.id === id) return element
  return null
}

/** The elements within another, one after the other. Each has at least two bytes, so this always ends. */
async function* elements(reader: Reader, parent: { start: number; end: number }): AsyncGenerator<Element> {
  let offset = parent.start
  while (offset < parent.end) {
    const id = await variable(reader, offset, false)
    const size = await variable(reader, offset + id.bytes, true)
    const start = offset + id.bytes + size.bytes
    // live recordings leave the length open: such an element reaches to the end of its parent
    const end = size.value === null ? parent.end : start + size.value
    if (end > parent.end) throw damaged('a part of the WebM is longer than it')
    yield { id: id.value ?? 0, start, end }
    offset = end
  }
}

/**
 * A number of 1 to 8 bytes whose leading zero bits tell its length. Ids keep the marking bit, lengths lose it; a length
 * with all bits set is null, "unknown".
 */
async function variable(
  reader: Reader,
  offset: number,
  isLength: boolean,
): Promise<{ value: number | null; bytes: number }> {
  const first = (await reader.at(offset, 1)).getUint8(0)
  const bytes = Math.clz32(first) - 23
  if (bytes > (isLength ? 8 : 4)) throw damaged('the WebM has a number that is too long')
  const view = await reader.at(offset, bytes)
  let value = isLength ? first & (0xff >> bytes) : first
  let isOpen = value === 0xff >> bytes
  for (let index = 1; index < bytes; index += 1) {
    value = value * 256 + view.getUint8(index)
    isOpen &&= view.getUint8(index) === 0xff
  }
  return { value: isLength && isOpen ? null : value, bytes }
}

async function uint(reader: Reader, element: Element): Promise<number> {
  const bytes = element.end - element.start
  if (bytes > 8) throw damaged('the WebM has a number that is too long')
  const view = await reader.at(element.start, bytes)
  let value = 0
  for (let index = 0; index < bytes; index += 1) value = value * 256 + view.getUint8(index)
  return value
}

async function float(reader: Reader, element: Element): Promise<number> {
  const bytes = element.end - element.start
  if (bytes !== 4 && bytes !== 8) throw damaged('the WebM has a number of the wrong length')
  const view = await reader.at(element.start, bytes)
  return bytes === 4 ? view.getFloat32(0) : view.getFloat64(0)
}
