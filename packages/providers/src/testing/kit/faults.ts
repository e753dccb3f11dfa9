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

/** A fault that may fire, with what is left of it. */
export interface ArmedFault {
  fault: Fault
  after: number
  times: number
}

/** The first that fits this request, counted down. */
export function takeFault(armed: ArmedFault[], action: Action): Fault | undefined {
  for (const each of armed) {
    const { on } = each.fault
    const fits = on === undefined || on === action || (Array.isArray(on) && on.includes(action))
    if (!fits || each.times === 0) continue
    if (each.after > 0) {
      each.after--
      continue
    }
    each.times--
    return each.fault
  }
  return undefined
}
