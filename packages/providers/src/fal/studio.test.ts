/** Whole jobs through a studio in memory, against fal's simulator on sockets. */
import { createStudio } from '@safelight/core'
import { expect, test } from 'vitest'
import { createWorld, serveSimulators } from '../testing/kit/index.ts'
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

test('what a model does not have is refused by its types', () => {
  const studio = createStudio({ providers: [fal()], tokens: [tokenOf()] })
  const neverCalled = () => [
    studio.generate({ model: 'lovely', input: { prompt: 'x', duration: 5, negativePrompt: 'y' } }),
    // @ts-expect-error there is no such model
    studio.generate({ model: 'fal-nothing', input: { prompt: 'x' } }),
    // @ts-expect-error Kling's styles are 3 and 5 seconds long
    studio.generate({ model: 'lovely', input: { prompt: 'x', duration: 4 } }),
    // @ts-expect-error Veo makes no squares
    studio.generate({ model: 'veo-3.1-fast', input: { prompt: 'x', size: 'square' } }),
    // @ts-expect-error an edit needs a picture
    studio.generate({ model: 'gpt-image-2-edit', input: { prompt: 'x' } }),
  ]
  expect(neverCalled).toBeTypeOf('function')
  expect(studio.models.map(({ id }) => id)).toContain('fal-seedream-4.5')
})
