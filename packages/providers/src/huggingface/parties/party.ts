/** Who really makes the picture behind the router: one file each, with what differs. */
import type { JsonObject, LookCall, Progress, Submitted } from '@safelight/core'
import type { Answer, Api, ApiRequest } from '@safelight/core/adapter'
import type { Mapping } from '../mapping.ts'
import type { PartyId, Task } from '../routes.ts'

/** The way to a party: through the router with an `hf_` token, or straight to it with a key of its own. */
export interface Line {
  api: Api
  isRouted: boolean
}

/** A job, ready to be written into a body. */
export interface Order {
  model: string
  task: Task
  /** The party's own name of the model. */
  providerId: string
  adapter: Mapping['adapter']
  /** The party's own fields, input pictures in them. */
  input: JsonObject
}

/** What is needed to go on with a job that a party has taken. `path` is behind the party's base, routed or not. */
export interface Operation extends JsonObject {
  party: PartyId
  id: string
  path: string
}

export interface Party {
  readonly id: PartyId
  /** Where keys of the party's own go, and how they are sent; null where there is only the router. */
  readonly direct: { base: string; authorize(key: string): Record<string, string> } | null
  /** Path, headers and body of the one request that hands a job over. */
  request(order: Order, line: Line): ApiRequest
  /** Reads an answer of the two hundreds. Throws where it does not say that the job was taken. */
  accepted(answer: Answer, order: Order, line: Line): Submitted
  /** The last word about a job, where the party has jobs. Throws where the answer says nothing. */
  look?(call: LookCall, operation: Operation, line: Line): Promise<Progress>
  cancel?(call: LookCall, operation: Operation, line: Line): Promise<void>
}

/** As at most parties. */
export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` }
}
