/** What every file of routes begins with. */
import { SafelightError, type FieldProblem } from '@safelight/core'
import { OpenAPIHono, z } from '@hono/zod-openapi'
import type { AppEnv } from '../context.ts'
import { ProblemSchema } from '../shapes/schemas.ts'

/** Routes whose requests are checked by their schemas, and refused with every field that does not fit. */
export function newRoutes(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: result => {
      if (!result.success) throw misfit(result.error.issues)
    },
  })
}

function misfit(issues: readonly z.core.$ZodIssue[]): SafelightError {
  const fields = issues.flatMap((issue): FieldProblem[] => {
    const path = issue.path.map(String).join('.')
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
    return issue.keys.map(key => ({
      path: [path, key.slice(0, 100)].filter(Boolean).join('.'),
      message: 'is not a known field',
    }))
  })
  const detail = fields.map(({ path, message }) => `${path || 'The body'} ${message}`).join('; ')
  return new SafelightError('invalid_input', `${detail}.`, { fields })
}

const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } })

/** A successful answer, for the document and the compiler. */
export function answer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: json(schema) }
}

const problemContent = { 'application/problem+json': { schema: ProblemSchema } }
/** Every refusal looks alike, so it is declared once. */
export const refusals = { default: { description: 'A problem, see its code.', content: problemContent } } as const

export const bearer = [{ bearer: [] }]

/** One page of a list, newest first. */
export function pageOf<Schema extends z.ZodType>(item: Schema) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

export const pageQuery = {
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
    .default('30')
    .transform(Number)
    .openapi({ type: 'integer', minimum: 1, maximum: 100, default: 30 }),
  cursor: z.string().max(1000, 'must be the nextCursor of the page before').optional(),
}

/** A body with exactly these fields. */
export function bodyOf<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: ({ code }) => (code === 'invalid_type' ? 'must be a JSON object' : undefined) })
}

export const idParam = z.object({ id: z.string().openapi({ format: 'uuid' }) })

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i

/** Whatever is no id of ours names nothing; the database is not asked. */
export function idOf({ id }: { id: string }, what: 'job' | 'file'): string {
  if (!UUID.test(id)) throw new SafelightError('not_found', `There is no such ${what}.`)
  return id.toLowerCase()
}
