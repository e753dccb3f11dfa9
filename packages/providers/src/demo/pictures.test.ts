import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { brightness, correlation, difference, inputFile, made } from '../../test/demo.ts'
import type { Wish } from '../../test/demo.ts'
import { demo, demoEdit, demoImage } from './index.ts'

const provider = demo()

async function one({ body, ...wish }: Wish & { body: { prompt: string } }): Promise<Uint8Array> {
  const prompt = `${body.prompt} #seconds=0`
  const [bytes] = await made(provider, { ...wish, body: { width: 192, height: 192, ...body, prompt } })
  if (!bytes) throw new Error('nothing was made')
  return bytes
}

describe('an image', () => {
  test.each(Object.entries(demoImage.sizes))('%s is a PNG of exactly the promised size', async (_, size) => {
    const { format, width, height } = await sharp(
      await one({ body: { prompt: 'a red fox in snow', ...size } }),
    ).metadata()
    expect({ format, width, height }).toEqual({ format: 'png', ...size })
  })

  test('has the same bytes for the same words and seed, and others for others', async () => {
    const first = await one({ body: { prompt: 'waves at sunset' } })
    expect(await one({ body: { prompt: 'waves at sunset' } })).toEqual(first)
    expect(await difference(first, await one({ body: { prompt: 'waves at sunset', seed: '8' } }))).toBeGreaterThan(0.02)
    expect(await difference(first, await one({ body: { prompt: 'waves at sunset again' } }))).toBeGreaterThan(0.02)
  })

  test('each output has its own seed, counted on from the first', async () => {
    const outputs = await made(provider, {
      body: { prompt: 'a city #seconds=0', seed: '18446744073709551615', count: 4 },
    })
    expect(new Set(outputs.map(bytes => Buffer.from(bytes).toString('base64'))).size).toBe(4)
    const [second] = await made(provider, { body: { prompt: 'a city #seconds=0', seed: '18446744073709551616' } })
    expect(outputs[1]).toEqual(second)
  })

  test.each([
    'mountain',
    'lake',
    'forest',
    'sea',
    'city',
    'desert',
    'canyon',
    'meadow',
    'space',
    'abstract silk',
    'deer in an autumn forest',
    'whale',
    'lighthouse in a storm',
    'balloon over hills',
    'northern lights, snow',
    'black and white dunes',
    '日本の山',
    '🦊',
    'ß',
    '   ',
    '<script>alert(1)</script>',
    '"; drop table',
    'x'.repeat(2_000),
  ])('comes of any words: %.40s', async prompt => {
    const { channels } = await sharp(await one({ body: { prompt, width: 128, height: 96 } })).stats()
    // a picture, and no plain sheet
    expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(6)
  })

  test('night is darker than day', async () => {
    const mean = async (prompt: string): Promise<number> => {
      const tones = await brightness(await one({ body: { prompt } }))
      return tones.reduce((sum, tone) => sum + tone, 0) / tones.length
    }
    expect(await mean('mountains at noon')).toBeGreaterThan(1.5 * (await mean('mountains at midnight')))
  })
})

describe('an edit', async () => {
  const input = await one({ body: { prompt: 'a fox in a summer forest by day', width: 384, height: 384 } })
  const edit = (prompt: string, body: object = {}): Promise<Uint8Array> =>
    one({ endpoint: 'demo/edit', files: [inputFile(input)], body: { prompt, width: 384, height: 384, ...body } })

  test.each([
    'make it night',
    'winter, with snow',
    'at sunset',
    'sepia',
    'noir',
    'in the rain',
    'foggy',
    'autumn leaves',
    'vivid',
    'neon',
    'as an oil painting',
    'a pencil sketch',
    'a comic poster',
    'dawn',
    'give him a hat',
  ])('"%s" changes what one sees, and keeps the composition', async prompt => {
    const edited = await edit(prompt)
    expect(await difference(input, edited)).toBeGreaterThan(0.03)
    expect(correlation(await brightness(input), await brightness(edited))).toBeGreaterThan(0.7)
  })

  test('differs by prompt and seed, and is the same for the same', async () => {
    const [night, again, other, seed] = [
      await edit('night'),
      await edit('night'),
      await edit('a dark night'),
      await edit('night', { seed: '8' }),
    ]
    expect(again).toEqual(night)
    expect(await difference(night, other)).toBeGreaterThan(0.004)
    expect(await difference(night, seed)).toBeGreaterThan(0.004)
  })

  test.each(Object.entries(demoEdit.sizes))('%s has exactly the promised size, whatever came in', async (_, size) => {
    const wide = await sharp(input).resize(400, 100, { fit: 'fill' }).jpeg().toBuffer()
    const bytes = await one({
      endpoint: 'demo/edit',
      files: [inputFile(wide, 'image/jpeg')],
      body: { prompt: 'sepia', ...size },
    })
    const { format, width, height } = await sharp(bytes).metadata()
    expect({ format, width, height }).toEqual({ format: 'webp', ...size })
  })

  test('cuts from the middle and does not stretch', async () => {
    const bars = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100"><rect width="100" height="100" fill="#000"/><rect x="100" width="100" height="100" fill="#fff"/><rect x="200" width="100" height="100" fill="#000"/></svg>',
    )
    const files = [inputFile(await sharp(bars).png().toBuffer())]
    const tones = await brightness(await one({ endpoint: 'demo/edit', files, body: { prompt: 'noir' } }))
    expect(Math.min(...tones)).toBeGreaterThan(100)
  })
})
