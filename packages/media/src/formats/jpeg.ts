import { damaged } from '../damaged.ts'
import { fourCharacters } from '../reader.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'

const APP1 = 0xe1
const START_OF_SCAN = 0xda
const END_OF_IMAGE = 0xd9
const ORIENTATION_TAG = 0x0112
/** The orientation is among the first entries, and these right behind the head. */
const MAX_EXIF_BYTES = 2_048

/** JPEG: segments are skipped by their length until the frame header (SOF), which gives the size. */
export async function probeJpeg(reader: Reader): Promise<Found> {
  let offset = 2
  let turned = false
  for (;;) {
    const head = await reader.at(offset, 4)
    if (head.getUint8(0) !== 0xff) throw damaged('the JPEG has a gap between its parts')
    const marker = head.getUint8(1)
    if (marker === 0xff) {
      offset += 1
      continue
    }
    const length = head.getUint16(2)
    if (marker === START_OF_SCAN || marker === END_OF_IMAGE || length < 2) throw damaged('the JPEG has no frame')
    if (isFrame(marker)) return frame(await reader.at(offset + 4, 5), turned)
    if (marker === APP1) turned ||= await isTurned(reader, offset + 4, Math.min(length - 2, MAX_EXIF_BYTES))
    offset += 2 + length
  }
}

/** SOF0 to SOF15; among these numbers C4, C8 and CC mean something else. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

function frame(view: DataView, turned: boolean): Found {
  const height = view.getUint16(1)
  const width = view.getUint16(3)
  return { width: turned ? height : width, height: turned ? width : height, durationSeconds: null }
}

/** Whether Exif asks for a quarter turn (orientation 5 to 8). Exif that cannot be read is as good as none. */
async function isTurned(reader: Reader, offset: number, length: number): Promise<boolean> {
  const exif = await reader.at(offset, length)
  if (length < 14 || fourCharacters(exif) !== 'Exif') return false
  const little = exif.getUint16(6) === 0x4949
  const directory = 6 + exif.getUint32(10, little)
  if (directory + 2 > length) return false
  const entries = exif.getUint16(directory, little)
  for (let entry = 0; entry < entries; entry += 1) {
    const at = directory + 2 + entry * 12
    if (at + 12 > length) return false
    if (exif.getUint16(at, little) === ORIENTATION_TAG) return exif.getUint16(at + 8, little) >= 5
  }
  return false
}
