/** What is kept of a prediction between calls, and how it is named. */
import type { Json } from '@safelight/core'
import { at, textAt, type Api } from '@safelight/core/adapter'

/** All that any process needs to go on. The addresses are kept only where they are the provider's own. */
export interface Operation {
  id: string
  get?: string
  cancel?: string
}

/** From an answer; null where it names no prediction. */
export function operationOf(prediction: unknown, api: Api): Operation | null {
  const id = idOf(prediction)
  if (id === null) return null
  const [get, cancel] = [textAt(prediction, 'urls', 'get'), textAt(prediction, 'urls', 'cancel')]
  return {
    id,
    ...(get !== undefined && api.owns(get) ? { get } : {}),
    ...(cancel !== undefined && api.owns(cancel) ? { cancel } : {}),
  }
}

/** Throws for what is no operation of ours. */
export function readOperation(operation: Json): Operation {
  const id = idOf(operation)
  if (id === null) throw new Error('This is no operation of Replicate')
  const [get, cancel] = [textAt(operation, 'get'), textAt(operation, 'cancel')]
  return { id, ...(get === undefined ? {} : { get }), ...(cancel === undefined ? {} : { cancel }) }
}

/** Their address where it is theirs; else the one that the documentation gives. */
export function addressOf(operation: Operation, action: 'get' | 'cancel', api: Api): string {
  const given = operation[action]
  if (given !== undefined && api.owns(given)) return given
  const path = `/predictions/${encodeURIComponent(operation.id)}`
  return action === 'get' ? path : `${path}/cancel`
}

export function idOf(prediction: unknown): string | null {
  const id = at(prediction, 'id')
  // Text so far; a number would be one all the same.
  const text = Number.isSafeInteger(id) ? String(id) : id
  return typeof text === 'string' && text !== '' && text.length <= 200 ? text : null
}
