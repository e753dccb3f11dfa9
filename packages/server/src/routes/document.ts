/** The API as OpenAPI 3.1, made from the schemas that check the requests. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from '../context.ts'

export function addDocument(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'An access token, as POST /auth/local answers it.',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'sweep', { type: 'http', scheme: 'bearer' })
  let document: string | undefined
  app.get('/openapi.json', c => {
    document ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: { title: 'safelight', version: '1', description: 'Pictures and films, paid in credits.' },
      }),
    )
    return c.body(document, 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' })
  })
}
