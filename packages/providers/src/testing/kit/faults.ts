/** Ways in which a line or a gateway fails, the same for every vendor. Below the vendor's own answers. */
import type { Action } from './simulator.ts'

export type Fault = {
  /** Which requests; all where absent. */
  on?: Action | readonly Action[]
  /** How many of them; 1 where absent. */
  times?: number
  /** After so many that go well; 0 where absent. */
  after?: number
} & FaultKind

export type FaultKind =
  /** It is done as asked, and the socket closes before the answer. */
  | { fault: 'lost' }
  /** The socket closes before anything is done. */
  | { fault: 'reset' }
  /** It is done as asked, and no answer ever comes. */
  | { fault: 'hang' }
  /** Done as asked, answered so much later. */
  | { fault: 'slow'; seconds: number }
  /** Not done: this status, with a body that is JSON, a page of HTML, or nothing. */
  | { fault: 'status'; status: number; body?: 'json' | 'html' | 'empty'; retryAfterSeconds?: number }
  /** Done as asked, and the answer is half of the JSON. */
  | { fault: 'malformed' }
  /** Done as asked, and a gateway's page of HTML comes back with status 200. */
  | { fault: 'html' }
  /** The answer's body stops after this share of its bytes, with the length of the whole. */
  | { fault: 'cut'; share: number }
  /** A redirect to another host, which must not get the key. */
  | { fault: 'redirect'; to: string }
