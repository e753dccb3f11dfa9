/** Whole jobs through a studio in memory, against fal's simulator on sockets. */
import { createStudio, defineModel } from '@safelight/core'
import { expect, test } from 'vitest'
import { createWorld, serveSimulators } from '../testing/kit/index.ts'
import { huggingface } from '../huggingface/index.ts'
import { wavespeed } from '../wavespeed/index.ts'
import { fal } from './index.ts'
import { tokenOf } from '../../test/fal-calls.ts'
import { falSimulator } from './simulator.ts'

test('a picture, an edit and a clip: four requests each, paid once', async () => {
  const world = createWorld({ simulators: [falSimulator], seconds: 0.2 })
  const server = await serveSimulators(world)
  const { FAL_BASE_URL = '', FAL_RUN_URL = '', FAL_REST_URL = '' } = server.baseUrls
  const studio = createStudio({
    providers: [fal({ queueUrl: FAL_BASE_URL, runUrl: FAL_RUN_URL, restUrl: FAL_REST_URL })],
    tokens: [tokenOf()],
  })
  const actions = () =>
    world
      .books('fal')
      .requests.splice(0)
      .map(({ action }) => action)
  const whole = ['submit', 'stream', 'result', 'media']

  const { id } = await studio.submit({ model: 'flux-schnell', input: { prompt: 'a fox', size: 'portrait' } })
  const picture = await studio.job(id).result()
  expect(picture).toMatchObject({
    state: 'succeeded',
    media: [{ contentType: 'image/png', width: 768, height: 1344 }],
  })
  expect(actions()).toEqual(whole)

  const [media] = picture.media
  const source = await studio.media.open(media.key)
  const upload = await studio.upload({ source })
  const edit = { model: 'flux-2-klein-edit', input: { prompt: 'in snow', images: [upload.id] } } as const
  expect((await studio.generate(edit)).state).toBe('succeeded')
  expect(actions()).toEqual(whole)

  const clip = {
    model: 'lovely',
    input: { prompt: 'waves', size: 'square', duration: 3, images: [upload.id] },
  } as const
  expect(await studio.generate(clip)).toMatchObject({ media: [{ contentType: 'video/mp4' }] })
  expect(actions()).toEqual(whole)
  expect(world.accepted().map(({ endpoint, paid }) => [endpoint, paid])).toEqual([
    ['fal-ai/flux/schnell', true],
    ['fal-ai/flux-2/klein/9b/edit', true],
    ['fal-ai/kling-video/v3/standard/image-to-video', true],
  ])
  await studio.close()
  await server.close()
})

test('what a model or a provider does not have is refused by its types', () => {
  const studio = createStudio({ providers: [fal(), wavespeed(), huggingface()], tokens: [tokenOf()] })
  const routes = [{ provider: 'fal', endpoint: 'fal-ai/x', body: () => ({}) }]
  const promised = { name: 'Styled', kind: 'image', description: '', timeoutSeconds: 60, routes } as const
  const sizes = { square: { width: 1024, height: 1024 } }
  const styles = [{ id: 'photo', name: 'Photo' }] as const
  const styled = createStudio({
    providers: [fal()],
    models: [defineModel({ id: 'styled', sizes, styles, ...promised })],
  })
  const neverCalled = () => [
    studio.generate({ model: 'lovely', input: { prompt: 'x', duration: 5, negativePrompt: 'y' } }),
    studio.generate({ model: 'flux-schnell', input: { prompt: 'x', size: 'portrait', seed: 7, count: 2 } }),
    // @ts-expect-error there is no such model
    studio.generate({ model: 'fal-nothing', input: { prompt: 'x' } }),
    // @ts-expect-error Kling's styles are 3 and 5 seconds long
    studio.generate({ model: 'lovely', input: { prompt: 'x', duration: 4 } }),
    // @ts-expect-error pictures have no length
    studio.generate({ model: 'flux-schnell', input: { prompt: 'x', duration: 5 } }),
    // @ts-expect-error Veo makes no squares
    studio.generate({ model: 'veo-3.1-fast', input: { prompt: 'x', size: 'square' } }),
    // @ts-expect-error nobody makes that size
    studio.generate({ model: 'flux-schnell', input: { prompt: 'x', size: 'huge' } }),
    // @ts-expect-error it has no styles
    studio.generate({ model: 'lovely', input: { prompt: 'x', style: 'photo' } }),
    // @ts-expect-error an edit needs a picture
    studio.generate({ model: 'gpt-image-2-edit', input: { prompt: 'x' } }),
    // @ts-expect-error a key that no model has
    studio.generate({ model: 'flux-schnell', input: { prompt: 'x', negative_prompt: 'y' } }),
    // @ts-expect-error a request without its prompt
    studio.generate({ model: 'flux-schnell', input: { promt: 'x' } }),
    styled.generate({ model: 'styled', input: { prompt: 'x', style: 'photo' } }),
    // @ts-expect-error another style than the model has
    styled.generate({ model: 'styled', input: { prompt: 'x', style: 'poster' } }),
    // @ts-expect-error a provider has no such option
    fal({ queueURL: 'https://example.com' }),
    // @ts-expect-error keys come with the studio's tokens, not with the provider
    wavespeed({ key: 'x' }),
    // @ts-expect-error a provider has no such option
    huggingface({ baseUrl: 'https://example.com' }),
  ]
  expect(neverCalled).toBeTypeOf('function')
  expect(studio.models.map(({ id }) => id)).toContain('fal-seedream-4.5')
})
