import { damaged } from '../damaged.ts'
import type { Reader } from '../reader.ts'
import type { Found } from '../types.ts'
import { boxes, child, payload } from './boxes.ts'

/**
 * AVIF: `meta` → `iprp` → `ipco` lists the properties of all items. The picture is the largest of them (the others are
 * tiles, thumbnails and the alpha plane); `irot` turns it.
 */
export async function probeAvif(reader: Reader): Promise<Found> {
  const meta = await child(reader, { start: 0, end: reader.size }, 'meta')
  // `meta` is a full box: four bytes of version and flags come before its children
  const properties = meta && (await child(reader, { start: meta.start + 4, end: meta.end }, 'iprp'))
  const container = properties && (await child(reader, properties, 'ipco'))
  if (!container) throw damaged('the AVIF lists no picture')

  let width = 0
  let height = 0
  let turned = false
  for await (const box of boxes(reader, container.start, container.end)) {
    if (box.type === 'irot') turned = ((await payload(reader, box, 1)).getUint8(0) & 1) === 1
    if (box.type !== 'ispe') continue
    const size = await payload(reader, box, 12)
    if (size.getUint32(4) * size.getUint32(8) <= width * height) continue
    width = size.getUint32(4)
    height = size.getUint32(8)
  }
  return { width: turned ? height : width, height: turned ? width : height, durationSeconds: null }
}
