import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { accepted, finished, inputFile, made } from '../../test/demo.ts'
import { demo, demoVideo } from './index.ts'

const provider = demo()
const film = { endpoint: 'demo/video' }
const small = { width: 128, height: 96, duration: 1 }

/** What the index of an MP4 says: its boxes come in the order film players like. */
function indexOf(bytes: Uint8Array) {
  const file = Buffer.from(bytes)
  const at = (type: string): number => file.indexOf(type, 0, 'latin1')
  const movie = at('mvhd') + 4
  const track = at('tkhd') + 4
  const samples = at('stsz') + 4
  return {
    order: ['ftyp', 'moov', 'mdat'].map(at),
    seconds: file.readUInt32BE(movie + 16) / file.readUInt32BE(movie + 12),
    width: file.readUInt32BE(track + 76) / 65_536,
    height: file.readUInt32BE(track + 80) / 65_536,
    frames: file.readUInt32BE(samples + 8),
    isH264: at('avc1') > 0,
    keyFrames: file.readUInt32BE(at('stss') + 8),
  }
}

describe('a film', () => {
  test.each(Object.entries(demoVideo.sizes))('%s has exactly the promised size and length', async (_, size) => {
    const [bytes] = await made(provider, {
      ...film,
      body: { prompt: 'dunes #seconds=0', style: 'lovely', duration: 3, ...size },
    })
    const { order, ...index } = indexOf(bytes ?? new Uint8Array())
    expect(index).toEqual({ seconds: 3, ...size, frames: 72, isH264: true, keyFrames: 6 })
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })

  test('of five seconds lasts five seconds', async () => {
    const [bytes] = await made(provider, { ...film, body: { prompt: 'space #seconds=0', ...small, duration: 5 } })
    expect(indexOf(bytes ?? new Uint8Array())).toMatchObject({ seconds: 5, frames: 120, keyFrames: 10 })
  })

  test('its key frames are where its index says', async () => {
    const [bytes] = await made(provider, { ...film, body: { prompt: 'a lake #seconds=0', ...small } })
    const file = Buffer.from(bytes ?? new Uint8Array())
    const sizes = file.indexOf('stsz', 0, 'latin1') + 4
    let offset = file.indexOf('mdat', 0, 'latin1') + 4
    expect(file.readUInt32BE(file.indexOf('stco', 0, 'latin1') + 12)).toBe(offset)
    const keys: number[] = []
    for (let frame = 0; frame < 24; frame += 1) {
      // the low five bits behind the length say what the picture is; 5 stands on its own
      if ((file.readUInt8(offset + 4) & 31) === 5) keys.push(frame)
      offset += file.readUInt32BE(sizes + 12 + frame * 4)
    }
    expect(keys).toEqual([0, 12])
  })

  test('has the same bytes for the same words, seed and style, and others for others', async () => {
    const of = (body: object) => made(provider, { ...film, body: { prompt: 'a lake #seconds=0', ...small, ...body } })
    const [first] = await of({ style: 'lovely' })
    expect(await of({ style: 'lovely' })).toEqual([first])
    for (const other of [{ style: 'express' }, { style: 'elite' }, { style: 'lovely', seed: '8' }])
      expect(await of(other)).not.toEqual([first])
  })

  test('says how far it is and shows a picture early', async () => {
    const { seen } = await finished(
      provider,
      await accepted(provider, { ...film, body: { ...small, prompt: 'a forest', duration: 3 } }),
    )
    expect(new Set(seen.map(({ stage }) => stage))).toContain('filming')
    expect(seen.find(({ preview, fraction }) => preview !== undefined && (fraction ?? 1) < 0.9)).toBeDefined()
  })

  test.each(['lovely', 'express', 'elite'])('may begin with a picture: %s', async style => {
    const input = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#3366aa' } })
      .png()
      .toBuffer()
    const [bytes] = await made(provider, {
      ...film,
      files: [inputFile(input)],
      body: { prompt: 'move #seconds=0', style, ...small },
    })
    expect(indexOf(bytes ?? new Uint8Array())).toMatchObject({ seconds: 1, width: 128, height: 96 })
  })
})
