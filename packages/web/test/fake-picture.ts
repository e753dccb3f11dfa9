/** Pictures for the fake server: hills under a sky, in exactly the asked size, different for each prompt and seed. */
import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

type Colour = readonly [number, number, number]

/** A PNG of exactly `width` × `height`. */
export function paint(width: number, height: number, words: string): Buffer {
  const hash = createHash('sha256').update(words).digest()
  const random = (index: number) => (hash[index % hash.length] ?? 0) / 255
  const hue = random(0)
  const sky: Colour = tint(hue, 0.55, 0.3 + random(1) * 0.2)
  const glow: Colour = tint(hue + 0.08 + random(2) * 0.2, 0.8, 0.72)
  const sun = {
    x: width * (0.2 + random(3) * 0.6),
    y: height * (0.25 + random(4) * 0.25),
    radius: Math.min(width, height) * 0.09,
  }
  const ridges = [0.62, 0.72, 0.84].map((base, index) => ({
    base: height * base,
    waves: [1, 2.3, 5.1].map((pitch, wave) => ({
      pitch: pitch * (0.7 + random(5 + index * 3 + wave)),
      phase: random(9 + index + wave) * 6.3,
    })),
    colour: tint(hue + 0.05 * index, 0.35, 0.3 - index * 0.09),
  }))
  const rows = Buffer.alloc((width * 3 + 1) * height)
  for (let x = 0; x < width; x += 1) {
    const tops = ridges.map(({ base, waves }) =>
      waves.reduce(
        (top, { pitch, phase }, wave) =>
          top + (Math.sin((x / width) * pitch * 6.3 + phase) * height * 0.04) / (wave + 1),
        base,
      ),
    )
    for (let y = 0; y < height; y += 1) {
      const ridge = tops.findLastIndex(top => y >= top)
      const distance = Math.hypot(x - sun.x, y - sun.y) / sun.radius
      const light = distance < 1 ? 1 : 0.75 / distance ** 1.4
      const far = mix(sky, glow, y / height)
      const colour = ridge >= 0 ? (ridges[ridge]?.colour ?? sky) : mix(far, [255, 244, 222], Math.min(1, light))
      rows.set(colour, y * (width * 3 + 1) + 1 + x * 3)
    }
  }
  return png(width, height, rows)
}

function tint(hue: number, saturation: number, lightness: number): Colour {
  const channel = (offset: number) => {
    const k = (offset + hue * 12) % 12
    return Math.round(
      255 * (lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1))),
    )
  }
  return [channel(0), channel(8), channel(4)]
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const at = (index: 0 | 1 | 2) => Math.round(from[index] + (to[index] - from[index]) * share)
  return [at(0), at(1), at(2)]
}

function png(width: number, height: number, rows: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(body.length, 0)
  frame.writeUInt32BE(crc32(named), 4)
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)])
}
