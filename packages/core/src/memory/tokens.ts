/** The token pool of one process: the rules of `../token-pool`, and what is open where. */
import type { Acquired, PoolSnapshot, TokenEvent, TokenPool } from '../contracts.ts'
import { choose } from '../token-pool/choose.ts'
import { type Known, learn, type Subject } from '../token-pool/learn.ts'
import { newStanding, type Standing } from '../token-pool/reducer.ts'
import { rulesOf, type Rules } from '../token-pool/rules.ts'
import type { Clock, Direct } from './direct.ts'
import { accept, factsOf, type LaneBook, newBook, snapshotOf, tidy, useOf } from './lane-book.ts'

type Whose = Pick<TokenEvent, 'provider' | 'token' | 'account' | 'lane' | 'model'>
type StandingSubject = Exclude<Subject, 'lane'>
const STANDINGS = ['account', 'token', 'pair', 'model'] as const

/** `isOpen`: whether an attempt still keeps its token busy; undefined for one that was never written. */
export function memoryTokens(
  now: Clock,
  isOpen: (attemptId: string) => boolean | undefined,
  rules: Rules = rulesOf(),
): Direct<TokenPool> {
  const lanes = new Map<string, LaneBook>()
  const standings = new Map<string, Standing>()

  function bookOf(whose: Whose, at: number): LaneBook {
    const key = JSON.stringify([whose.provider, whose.account, whose.lane])
    const book = lanes.get(key) ?? newBook(whose, rules)
    lanes.set(key, book)
    tidy(book, isOpen, at, rules)
    return book
  }
  const standing = (subject: StandingSubject, whose: Whose) => standings.get(keyOf(subject, whose)) ?? newStanding
  function knownOf(whose: Whose, { state }: LaneBook): Known {
    const [account, token] = [standing('account', whose), standing('token', whose)]
    return { lane: state, account, token, pair: standing('pair', whose), model: standing('model', whose) }
  }

  function acquire({ attemptId, model, lane, candidates }: Parameters<TokenPool['acquire']>[0]): Acquired {
    const at = now()
    const options = candidates.map(candidate => {
      const whose = { ...candidate, model, lane }
      const book = bookOf(whose, at)
      book.starting = { perMinute: candidate.perMinute ?? null, maxOpen: candidate.maxOpen }
      return { candidate, book, known: knownOf(whose, book), use: useOf(book, candidate.token, at, rules) }
    })
    const chosen = choose(options, at, rules)
    if (!chosen || chosen.freeAt === Infinity) return { status: 'none' }
    const { candidate, book } = chosen
    if (chosen.freeAt > at) {
      book.queuedUntil = chosen.comeAt
      return { status: 'wait', waitSeconds: Math.ceil(chosen.comeAt - at) / 1000 }
    }
    const bound = { token: candidate.token, at, accepted: false }
    book.open.set(attemptId, bound)
    book.sent.push(bound)
    book.pacedAt = chosen.nextAt ?? book.pacedAt
    return { status: 'token', candidate }
  }

  function report(event: TokenEvent): void {
    const at = now()
    const book = bookOf(event, at)
    const bound = book.open.get(event.attemptId)
    if (bound && event.outcome === 'accepted') accept(book, bound, at, rules)
    else book.open.delete(event.attemptId)
    if (event.outcome === 'ended') return
    const { lane, ...changes } = learn(knownOf(event, book), event, factsOf(book, bound?.at ?? at, at), rules)
    if (lane) book.state = lane
    for (const subject of STANDINGS) {
      const after = changes[subject]
      if (after) standings.set(keyOf(subject, event), after)
    }
  }

  function snapshot(): PoolSnapshot {
    const at = now()
    return {
      lanes: [...lanes.values()].map(book => snapshotOf(book, at)),
      tokens: [...standings].map(([key, { status, restingUntil }]) => {
        const about = JSON.parse(key) as Pick<PoolSnapshot['tokens'][number], 'provider'>
        const rest = { state: status, restingUntil: restingUntil > at ? restingUntil : null }
        return { account: null, token: null, model: null, ...about, ...rest }
      }),
    }
  }
  return { acquire, report, snapshot }
}

/** Reads again as what it is about. */
function keyOf(subject: StandingSubject, { provider, account, token, model }: Whose): string {
  switch (subject) {
    case 'account':
      return JSON.stringify({ provider, account })
    case 'token':
      return JSON.stringify({ provider, token })
    case 'pair':
      return JSON.stringify({ provider, token, model })
    case 'model':
      return JSON.stringify({ provider, model })
  }
}
