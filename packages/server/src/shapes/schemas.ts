/** Everything the API says, once: these schemas check requests, type answers and make the OpenAPI document. */
import { ERRORS, FAILURES, type ErrorCode, type FailureCode } from '@safelight/core'
import { z } from '@hono/zod-openapi'

const kind = z.enum(['image', 'edit', 'video'])
const sizeId = z.enum(['portrait', 'square', 'landscape'])
const instant = z.string().openapi({ format: 'date-time', example: '2026-11-23T18:56:07.123Z' })
const uuid = z.string().openapi({ format: 'uuid' })
const range = z.object({ low: z.number(), high: z.number() })
const keysOf = <Key extends string>(table: Record<Key, unknown>) => Object.keys(table) as [Key, ...Key[]]

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(keysOf<ErrorCode>(ERRORS)),
    detail: z.string(),
    requestId: z.string(),
    fields: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    retryAfterSeconds: z.number().optional(),
    balance: z.int().optional(),
    price: z.int().optional(),
  })
  .openapi('Problem')

export const ModelSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    kind,
    description: z.string(),
    prices: z.array(z.object({ when: z.object({ duration: z.number().optional() }), credits: z.int() })).openapi({
      description: 'Of one output; a job costs credits × count.',
    }),
    sizes: z.array(z.object({ id: sizeId, width: z.int(), height: z.int() })),
    durations: z.array(z.number()).optional().openapi({ description: 'Seconds.' }),
    styles: z.array(z.object({ id: z.string(), name: z.string() })).optional(),
    images: z.object({ required: z.boolean(), maxCount: z.int() }).optional(),
    count: z.object({ max: z.int() }),
    estimatedSeconds: range.nullable(),
    lifecycle: z.object({
      status: z.enum(['live', 'deprecated', 'disabled']),
      shutdownAt: z.string().optional(),
      replacement: z.string().optional(),
    }),
  })
  .openapi('Model')

export const MediaSchema = z
  .object({
    id: uuid,
    kind: z.enum(['image', 'edit', 'video', 'upload']),
    index: z.int(),
    url: z.string(),
    contentType: z.string(),
    width: z.int().nullable(),
    height: z.int().nullable(),
    bytes: z.int(),
    durationSeconds: z.number().nullable(),
    placeholder: z.string().optional(),
    saved: z.boolean(),
    starred: z.boolean(),
    expiresAt: instant.nullable(),
    createdAt: instant,
    jobId: uuid.nullable(),
  })
  .openapi('Media')

export const JOB_STATES = ['queued', 'running', 'storing', 'succeeded', 'failed', 'canceled'] as const

export const JobSchema = z
  .object({
    id: uuid,
    model: z.string(),
    kind,
    input: z.object({
      prompt: z.string(),
      size: sizeId,
      count: z.int(),
      seed: z.union([z.int(), z.string()]).openapi({ description: 'Decimal digits where it passes 2^53.' }),
      duration: z.number().optional(),
      style: z.string().optional(),
      negativePrompt: z.string().optional(),
      images: z.array(z.string()).optional(),
    }),
    price: z.int(),
    state: z.enum(JOB_STATES),
    progress: z.object({
      fraction: z.number().min(0).max(1).nullable(),
      stage: z.string(),
      queuePosition: z.int().nullable(),
      etaSeconds: range.nullable(),
      // A small data URL, where a provider shows the picture coming.
      preview: z.string().optional(),
    }),
    media: z.array(MediaSchema),
    failure: z.object({ code: z.enum(keysOf<FailureCode>(FAILURES)), message: z.string() }).nullable(),
    refundedCredits: z.int(),
    createdAt: instant,
    finishedAt: instant.nullable(),
  })
  .openapi('Job')

export const UserSchema = z
  .object({ id: uuid, email: z.string().nullable(), name: z.string().nullable(), role: z.enum(['user', 'admin']) })
  .openapi('User')

export const AccountSchema = z
  .object({
    user: UserSchema,
    balance: z.int(),
    limits: z.object({ perMinute: z.int(), remaining: z.int(), resetsInSeconds: z.number() }),
  })
  .openapi('Account')

export const LedgerEntrySchema = z
  .object({
    id: z.string(),
    kind: z.enum(['grant', 'charge', 'refund', 'adjustment']),
    delta: z.int(),
    balanceAfter: z.int(),
    description: z.string(),
    jobId: uuid.nullable(),
    createdAt: instant,
  })
  .openapi('LedgerEntry')

export type ModelShape = z.infer<typeof ModelSchema>
export type MediaShape = z.infer<typeof MediaSchema>
export type JobShape = z.infer<typeof JobSchema>
