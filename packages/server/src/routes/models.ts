import { createRoute, z } from '@hono/zod-openapi'
import type { Services } from '../services.ts'
import { modelShape } from '../shapes/models.ts'
import { ModelSchema } from '../shapes/schemas.ts'
import { answer, newRoutes } from './common.ts'

const list = createRoute({
  method: 'get',
  path: '/api/models',
  summary: 'What can be made, in which sizes, for how many credits',
  responses: { 200: answer('All models.', z.object({ items: z.array(ModelSchema) })) },
})

export function modelRoutes({ studio, settings }: Services) {
  return newRoutes().openapi(list, async c => {
    const { disabledModels } = await settings()
    const items = studio.models.map(async model =>
      modelShape(model, disabledModels.includes(model.id), await studio.estimate(model.id)),
    )
    return c.json({ items: await Promise.all(items) }, 200)
  })
}
