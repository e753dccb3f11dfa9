/** Files for the tests: pictures that sharp encodes, and clips put together box by box. */
import sharp from 'sharp'

type Raster = 'png' | 'jpeg' | 'webp' | 'avif' | 'gif'

/** A picture with something in it, so that no encoder takes a shortcut. */
export async function picture(
  format: Raster,
  width: number,
  height: number,
  orientation?: number,
): Promise<Uint8Array> {
  const pixels = Buffer.alloc(width * height * 3)
  for (let index = 0; index < pixels.length; index += 1) pixels[index] = (index * 7 + (index >> 5)) & 0xff
  const image = sharp(pixels, { raw: { width, height, channels: 3 } })
  if (orientation !== undefined) image.withMetadata({ orientation })
  return new Uint8Array(await image.toFormat(format, format === 'avif' ? { effort: 0 } : {}).toBuffer())
}

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map(part => Uint8Array.from(part))))
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

export function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

/** An ISO base media box. */
export function box(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const content = join(...parts)
  return join(uint32(content.length + 8), ascii(type), content)
}

export interface Clip {
  width: number
  height: number
  unitsPerSecond: number
  units: number
  isLong?: boolean
  isTurned?: boolean
}

/** An MP4's index for one moving picture, preceded by a sound track whose size must not be taken. */
export function movieIndex(clip: Clip): Uint8Array {
  return box('moov', timeHeader('mvhd', clip), soundTrack(clip), pictureTrack(clip))
}

export const fileType = box('ftyp', ascii('isom'), uint32(512), ascii('isomiso2avc1mp41'))

function timeHeader(type: string, { unitsPerSecond, units, isLong }: Clip): Uint8Array {
  if (isLong)
    return box(type, [1, 0, 0, 0], uint64(1n), uint64(1n), uint32(unitsPerSecond), uint64(BigInt(units)), uint32(0))
  return box(type, uint32(0), uint32(1), uint32(1), uint32(unitsPerSecond), uint32(units), uint32(0))
}

function trackHeader({ isLong, isTurned }: Clip, width: number, height: number): Uint8Array {
  const times = isLong ? [uint64(1n), uint64(1n), uint32(1), uint32(0), uint64(1n)] : [1, 1, 1, 0, 1].map(uint32)
  const one = 0x1_0000
  const matrix = isTurned ? [0, one, 0, -one >>> 0, 0, 0, 0, 0, 0x4000_0000] : [one, 0, 0, 0, one, 0, 0, 0, 0x4000_0000]
  return box(
    'tkhd',
    [isLong ? 1 : 0, 0, 0, 7],
    ...times,
    uint64(0n),
    uint64(0n),
    ...matrix.map(uint32),
    uint32(width * one),
    uint32(height * one),
  )
}

function pictureTrack(clip: Clip): Uint8Array {
  return box(
    'trak',
    trackHeader(clip, clip.width, clip.height),
    box('mdia', timeHeader('mdhd', clip), box('hdlr', uint32(0), uint32(0), ascii('vide'), new Uint8Array(13))),
  )
}

function soundTrack(clip: Clip): Uint8Array {
  return box(
    'trak',
    trackHeader(clip, 0, 0),
    box('mdia', timeHeader('mdhd', clip), box('hdlr', uint32(0), uint32(0), ascii('soun'), new Uint8Array(13))),
  )
}

/** A WebM element with a length of one or eight bytes. */
export function element(id: readonly number[], ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const content = join(...parts)
  return join(id, [1, 0, 0, 0], uint32(content.length), content)
}

export function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

export const ebmlHeader = (docType: string): Uint8Array =>
  join([0x1a, 0x45, 0xdf, 0xa3, 0x80 | (docType.length + 3), 0x42, 0x82, 0x80 | docType.length], ascii(docType))

/** A WebM of a picture track behind a sound track; without seconds it says no duration, and an open one no length. */
export function webm(options: { width: number; height: number; seconds?: number; isOpen?: boolean }): Uint8Array {
  const duration = options.seconds === undefined ? [] : [element([0x44, 0x89], float64(options.seconds * 1_000))]
  const info = element([0x15, 0x49, 0xa9, 0x66], element([0x2a, 0xd7, 0xb1], uint32(1_000_000)), ...duration)
  const size = [element([0xb0], uint32(options.width)), element([0xba], uint32(options.height))]
  const tracks = element(
    [0x16, 0x54, 0xae, 0x6b],
    element([0xae], element([0x83], [2])),
    element([0xae], element([0x83], [1]), element([0xe0], ...size)),
  )
  const segment = [0x18, 0x53, 0x80, 0x67]
  if (!options.isOpen) return join(ebmlHeader('webm'), element(segment, info, tracks))
  return join(ebmlHeader('webm'), segment, [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], info, tracks)
}
