import { damaged } from '../damaged.ts'
import { fourCharacters } from '../reader.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'
import { boxes, child, payload } from './boxes.ts'
import type { Box } from './boxes.ts'

/** MP4: everything is in `moov`, at the start or at the end; `mdat` is stepped over by its length. */
export async function probeMp4(reader: Reader): Promise<Found> {
  const moov = await child(reader, { start: 0, end: reader.size }, 'moov')
  if (!moov) throw damaged('the MP4 has no index')

  let size: { width: number; height: number } | null = null
  let movieSeconds: number | null = null
  let trackSeconds: number | null = null
  for await (const box of boxes(reader, moov.start, moov.end)) {
    if (box.type === 'mvhd') movieSeconds = await durationIn(reader, box)
    if (box.type !== 'trak' || size !== null) continue
    const track = await videoTrack(reader, box)
    size = track && track.size
    trackSeconds = track && track.seconds
  }
  if (!size) throw damaged('the MP4 has no moving picture')
  return { ...size, durationSeconds: movieSeconds ?? trackSeconds }
}

async function videoTrack(
  reader: Reader,
  track: Box,
): Promise<{ size: { width: number; height: number }; seconds: number | null } | null> {
  const media = await child(reader, track, 'mdia')
  const handler = media && (await child(reader, media, 'hdlr'))
  if (!handler || fourCharacters(await payload(reader, handler, 12), 8) !== 'vide') return null
  const header = await child(reader, track, 'tkhd')
  if (!header) throw damaged('the picture of the MP4 has no size')
  const time = await child(reader, media, 'mdhd')
  return { size: await trackSize(reader, header), seconds: time && (await durationIn(reader, time)) }
}

/** `tkhd` ends in a 3x3 matrix and the size, both as 16.16 fixed point; a quarter turn has zeros on the diagonal. */
async function trackSize(reader: Reader, header: Box): Promise<{ width: number; height: number }> {
  const isLong = (await payload(reader, header, 1)).getUint8(0) === 1
  const matrixAt = isLong ? 52 : 40
  const view = await payload(reader, header, matrixAt + 44)
  const turned = view.getInt32(matrixAt) === 0 && view.getInt32(matrixAt + 16) === 0
  const width = Math.round(view.getUint32(matrixAt + 36) / 65_536)
  const height = Math.round(view.getUint32(matrixAt + 40) / 65_536)
  return { width: turned ? height : width, height: turned ? width : height }
}

/** `mvhd` and `mdhd` begin alike: two instants, the units of a second, the duration; all bits set, or nothing, is unknown. */
async function durationIn(reader: Reader, header: Box): Promise<number | null> {
  const isLong = (await payload(reader, header, 1)).getUint8(0) === 1
  const view = await payload(reader, header, isLong ? 32 : 20)
  const unitsPerSecond = view.getUint32(isLong ? 20 : 12)
  const units = isLong ? Number(view.getBigUint64(24)) : view.getUint32(16)
  const unknown = isLong ? 2 ** 64 : 0xffff_ffff
  return unitsPerSecond === 0 || units === 0 || units >= unknown ? null : units / unitsPerSecond
}
