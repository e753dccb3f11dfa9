/** A JSON body, read by us before anyone else does: bounded in size, time and depth, really UTF-8, without tricks. */
import { SafelightError } from '@safelight/core'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'
import { readBodyBytes } from './body-bytes.ts'

const DEPTH_MAX = 32

interface Guard {
  maxBytes: number
  /** An empty body counts as `{}`. */
  optional?: boolean
}

/** Stands before the validators, which then find the text already read. */
export function jsonBody({ maxBytes, optional = false }: Guard) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const type = c.req.header('Content-Type')
    const isJson = type?.split(';')[0]?.trim().toLowerCase() === 'application/json'
    if (!isJson && !(optional && type === undefined)) {
      throw new SafelightError('unsupported_media', 'Send the body as Content-Type: application/json.')
    }
    const sent = decode(await readBodyBytes(c.req.raw, maxBytes))
    const text = optional && sent.trim() === '' ? '{}' : sent
    if (!isJson && text !== '{}')
      throw new SafelightError('unsupported_media', 'Send the body as Content-Type: application/json.')
    refuseTricks(parse(text))
    c.req.raw = withBody(c.req.raw, text)
    return next()
  })
}

function withBody({ url, method, headers, signal }: Request, body: string): Request {
  const known = new Headers(headers)
  known.set('Content-Type', 'application/json')
  return new Request(url, { method, headers: known, signal, body })
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformed('The body is not UTF-8.')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('The body is not valid JSON.')
  }
}

/** Nothing of ours is deep, and nothing of ours is called `__proto__`, which validators step over in silence. */
function refuseTricks(root: unknown): void {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEPTH_MAX) throw malformed(`The body is nested more than ${DEPTH_MAX} levels deep.`)
    const objects = level.filter(value => typeof value === 'object' && value !== null)
    if (objects.some(value => Object.hasOwn(value, '__proto__'))) throw malformed('"__proto__" is not a field.')
    level = objects.flatMap(value => Object.values(value) as unknown[])
  }
}

function malformed(message: string): SafelightError {
  return new SafelightError('invalid_input', message, { fields: [] })
}
