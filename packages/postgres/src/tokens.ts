/**
 * The token pool over SQL: choosing is one function inside the transaction that claims; learning reads what is believed,
 * runs the reducer of the core, and writes what is different, unless somebody else was quicker.
 */
import type { Acquired, PoolSnapshot, TokenPool } from '@safelight/core'
import {
  type Facts,
  type Known,
  type LaneState,
  learn,
  limitOf,
  newLane,
  newStanding,
  type Rules,
  type Standing,
  type Subject,
} from '@safelight/core/token-pool'
import type { SqlDriver } from './driver.ts'

export type ChoiceRow = Extract<Acquired, { status: 'token' | 'none' }> | { status: 'wait'; wait_ms: number }

interface StateRow {
  state: object
  version: number
}
interface HeardRow {
  facts: Facts
  known: Partial<Record<Subject, StateRow | null>>
}

/** Rivals that learn from the same moment mostly learn the same; who loses this often has nothing new to say. */
const TRIES_MAX = 8
const STANDINGS = ['account', 'token', 'pair', 'model'] as const

export function tokenPool(call: SqlDriver['call'], rules: Rules): TokenPool {
  const windowSeconds = rules.window / 1000
  return {
    async acquire({ attemptId, jobId, model, lane, candidates }) {
      const args = { attempt_id: attemptId, job_id: jobId, model, lane, candidates, window_seconds: windowSeconds }
      const choice = await call<ChoiceRow>('acquire_token', args)
      return choice.status === 'wait' ? waiting(choice) : choice
    },
    async report(event) {
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const heard = await call<HeardRow | null>('report_token', { event, window_seconds: windowSeconds })
        if (!heard) return
        const after = learn(knownIn(heard, rules), event, heard.facts, rules)
        const changes = Object.entries(after).map(([subject, state]) => {
          return [subject, { state, version: heard.known[subject as Subject]?.version ?? 0 }]
        })
        // A refused attempt ends with what it taught, also where that is nothing.
        if (changes.length === 0 && event.outcome !== 'refused') return
        if (await call<boolean>('learn_token', { event, changes: Object.fromEntries(changes) })) return
      }
      if (event.outcome === 'refused') await call('report_token', { event: { ...event, outcome: 'ended' } })
    },
    snapshot: async () => snapshotFrom(await call<SnapshotRow>('read_token_pool', {})),
  }
}

export function waiting({ wait_ms }: { wait_ms: number }): Extract<Acquired, { status: 'wait' }> {
  return { status: 'wait', waitSeconds: wait_ms / 1000 }
}

/** A state may be empty, or have been written by a version that knew less. */
function knownIn({ known }: HeardRow, rules: Rules): Known {
  const standing = (subject: (typeof STANDINGS)[number]) => standingFrom(known[subject]?.state)
  const [account, token] = [standing('account'), standing('token')]
  return { lane: laneFrom(known.lane?.state, rules), account, token, pair: standing('pair'), model: standing('model') }
}

function laneFrom(state: Partial<LaneState> = {}, rules: Rules): LaneState {
  const lane = newLane(rules)
  return { ...lane, ...state, rate: { ...lane.rate, ...state.rate }, open: { ...lane.open, ...state.open } }
}

function standingFrom(state: Partial<Standing> = {}): Standing {
  return { ...newStanding, ...state }
}

type LaneRow = Pick<PoolSnapshot['lanes'][number], 'provider' | 'account' | 'lane' | 'open' | 'perMinute' | 'maxOpen'>
type StandingRow = Pick<PoolSnapshot['tokens'][number], 'provider' | 'account' | 'token' | 'model'>
interface SnapshotRow {
  at: number
  lanes: (LaneRow & { state: Partial<LaneState> })[]
  tokens: (StandingRow & { state: Partial<Standing> })[]
}

function snapshotFrom({ at, lanes, tokens }: SnapshotRow): PoolSnapshot {
  const orNull = (until = 0) => (until > at ? until : null)
  return {
    lanes: lanes.map(({ state, ...lane }) => ({
      ...lane,
      perMinute: state.rate ? limitOf(state.rate, lane.perMinute) : lane.perMinute,
      maxOpen: state.open ? limitOf(state.open, lane.maxOpen) : lane.maxOpen,
      health: state.health ?? 1,
      restingUntil: orNull(Math.max(state.pausedUntil ?? 0, state.brokenUntil ?? 0)),
    })),
    tokens: tokens.map(({ state, ...about }) => {
      const { status, restingUntil } = standingFrom(state)
      return { ...about, state: status, restingUntil: orNull(restingUntil) }
    }),
  }
}
