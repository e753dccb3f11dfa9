/** What a submit leaves behind: enough for any process to go on with the job. */
import { at, textAt, type Api } from '@safelight/core/adapter'
import type { Json } from '@safelight/core'

/** A job in fal's queue. The addresses are fal's own where it gave some, else they follow from the endpoint. */
export interface Operation {
  requestId: string
  endpoint: string
  statusUrl: string
  resultUrl: string
  cancelUrl: string
}

/** Request ids are UUIDs today; anything that is safe in a path is taken. */
const REQUEST_ID = /^[\w-]{1,128}$/
const NAMESPACES = new Set(['workflows', 'comfy'])

/**
 * Submits go to the whole endpoint id; status, result and cancel only know its owner and app, behind one of two
 * namespaces (fal.ai/docs/api-reference/inference-api; fal-js `parseEndpointId`).
 */
export function appOf(endpoint: string): string {
  const segments = endpoint.split('/')
  return segments.slice(0, NAMESPACES.has(segments[0] ?? '') ? 3 : 2).join('/')
}

/** Undefined where the answer names no request: then nobody knows whether there is one. */
export function requestIdIn(answer: unknown): string | undefined {
  const id = at(answer, 'request_id')
  const text = typeof id === 'number' ? String(id) : id
  return typeof text === 'string' && REQUEST_ID.test(text) ? text : undefined
}

/** The operation as it is stored, from the answer to a submit. */
export function operationFrom(answer: unknown, requestId: string, endpoint: string): Json {
  const urls = { statusUrl: 'status_url', resultUrl: 'response_url', cancelUrl: 'cancel_url' } as const
  const given = Object.entries(urls).flatMap(([name, field]): [string, string][] => {
    const url = textAt(answer, field)
    return url === undefined || url.length > 2000 ? [] : [[name, url]]
  })
  return { requestId, endpoint, ...Object.fromEntries(given) }
}

/** Reads a stored operation. An address that is not fal's own (any more) gives way to the one that must be right. */
export function readOperation(api: Api, stored: Json): Operation {
  const requestId = textAt(stored, 'requestId')
  const endpoint = textAt(stored, 'endpoint')
  if (requestId === undefined || endpoint === undefined || !REQUEST_ID.test(requestId)) {
    throw new Error('This is no operation of fal')
  }
  const request = api.url(`/${appOf(endpoint)}/requests/${requestId}`)
  const own = (name: string, derived: string): string => {
    const url = textAt(stored, name)
    return url !== undefined && api.owns(url) ? url : derived
  }
  return {
    requestId,
    endpoint,
    statusUrl: own('statusUrl', `${request}/status`),
    resultUrl: own('resultUrl', request),
    cancelUrl: own('cancelUrl', `${request}/cancel`),
  }
}

/** The address with the progress of a job; `stream` for the one that holds the line. */
export function statusAddress({ statusUrl }: Operation, mode: 'once' | 'stream'): string {
  const url = new URL(statusUrl)
  if (mode === 'stream') url.pathname = `${url.pathname.replace(/\/+$/, '')}/stream`
  // With its log lines, which are the only place where a model says how far it is.
  url.searchParams.set('logs', '1')
  return url.href
}
