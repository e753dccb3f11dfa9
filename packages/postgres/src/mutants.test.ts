/**
 * Deliberate bugs in the SQL, one at a time, each on a database of its own: the suites have to notice every one. A bug
 * that slips through here could come back for real without anybody noticing.
 */
import {
  type Case,
  creditLedgerCases,
  type DatabaseHarness,
  databaseCases,
  jobStoreCases,
  portsOf,
  rateLimiterCases,
  tokenPoolCases,
} from '@safelight/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpSchema } from '../dev/schema.ts'
import { migrations, shim } from './generated/sql.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { harnessOn } from './testing/database-harness.ts'
import { ownCases } from './testing/own-cases.ts'

type Suite = 'ledger' | 'limiter' | 'jobs' | 'tokens' | 'database' | 'own'
type Mutant = [name: string, caughtBy: Suite, from: string, to: string]

const MUTANTS: readonly Mutant[] = [
  ['a balance may be overdrawn', 'ledger', 'if v_balance < p_amount then', 'if false then'],
  ['the last word on a balance is not the row’s', 'database', 'and balance + p_delta >= 0', ''],
  [
    'a refund does not close its reference',
    'ledger',
    'set closed = true, refunded_seq',
    'set closed = closed, refunded_seq',
  ],
  ['a refund is given again', 'ledger', 'elsif v_reference.closed then', 'elsif false then'],
  [
    'a refund gives back what it is told',
    'ledger',
    'v_amount := least(-v_charge.delta, greatest(0, coalesce(p_amount, -v_charge.delta)))',
    'v_amount := coalesce(p_amount, -v_charge.delta)',
  ],
  [
    'a refund before its charge leaves no tombstone',
    'ledger',
    'values (p_reference, true) on conflict do nothing',
    `values (p_reference || gen_random_uuid(), true) on conflict do nothing`,
  ],
  [
    'a closed reference can be charged',
    'ledger',
    `when v_reference.closed then 'refunded'`,
    `when v_reference.closed then 'charged'`,
  ],
  [
    'a charge under a known reference is taken for the same charge',
    'ledger',
    `when v_entry.user_id <> p_user_id or v_entry.delta <> -p_amount then 'conflict'`,
    `when false then 'conflict'`,
  ],
  ['a grant comes again', 'ledger', `'grant:' || p_key`, `'grant:' || gen_random_uuid()`],
  [
    'rivals for the last hit both get it',
    'limiter',
    'where not safelight.is_full(bucket.hits',
    'where true or safelight.is_full(bucket.hits',
  ],
  [
    'a limit lets one more through',
    'limiter',
    'p_hits[cardinality(p_hits) - p_max + 1] >',
    'p_hits[cardinality(p_hits) - p_max] >',
  ],
  [
    'a limit forgets half of its window',
    'own',
    'while p_hits[v_first] <= v_now - v_window loop',
    'while p_hits[v_first] <= v_now - v_window / 2 loop',
  ],
  [
    'a refused bucket keeps the hits of the others',
    'limiter',
    `raise exception 'lost race: rate limits' using errcode = 'serialization_failure';\n  end if;\n  return jsonb_build_object('allowed', true`,
    `null;\n  end if;\n  return jsonb_build_object('allowed', true`,
  ],
  [
    'a job is admitted though the charge failed',
    'database',
    `raise exception 'lost race: balance' using errcode = 'serialization_failure'`,
    'null',
  ],
  [
    'only admitted requests count',
    'database',
    `if v_outcome not in ('replayed', 'rate_limited') then`,
    `if v_outcome = 'admitted' then`,
  ],
  ['a replay is anybody’s', 'database', 'and user_id = v_user_id and request_hash', 'and request_hash'],
  [
    'a replay may ask for something else',
    'database',
    `and user_id = v_user_id and request_hash = p_job ->> 'requestHash'`,
    'and user_id = v_user_id',
  ],
  ['the kill switch is not looked at', 'database', `= 'false' then 'closed'`, `= 'off' then 'closed'`],
  [
    'a move does not compare versions',
    'jobs',
    `and version = p_version and p_state not in ('succeeded', 'failed', 'canceled')\n  returning to_jsonb(job)\n$function$;\n\n-- What a look found`,
    `and p_state not in ('succeeded', 'failed', 'canceled')\n  returning to_jsonb(job)\n$function$;\n\n-- What a look found`,
  ],
  [
    'an end state is not the end',
    'jobs',
    `and version = p_version and p_state not in ('succeeded', 'failed', 'canceled')\n  returning to_jsonb(job)\n$function$;\n\n-- What a look found`,
    `and version = p_version\n  returning to_jsonb(job)\n$function$;\n\n-- What a look found`,
  ],
  [
    'a claim hides nothing',
    'jobs',
    'set wake_at = v_now + make_interval(secs => p_lease_seconds),\n           lease_until',
    'set lease_until',
  ],
  [
    'a claim serves whoever has waited longest, and nobody else',
    'jobs',
    'order by candidate.turn, candidate.wake_at limit p_limit',
    'order by candidate.wake_at limit p_limit',
  ],
  [
    'the second answer to a submit counts as well',
    'jobs',
    `if v_attempt.outcome not in ('open', 'unknown') or v_outcome = 'unknown'`,
    `if v_outcome = 'unknown'`,
  ],
  [
    'a stale refusal counts',
    'jobs',
    `v_outcome = 'refused' and (p_answer ->> 'version')::integer <> v_job.version`,
    'false',
  ],
  [
    'an answer moves a job that no longer waits for it',
    'jobs',
    `v_waits := v_job.state = 'submitting' and`,
    'v_waits := v_job.finished_at is null and',
  ],
  [
    'a note counts as a move',
    'jobs',
    'set revision = revision + (safelight.patched',
    'set version = version + 1, revision = revision + (safelight.patched',
  ],
  [
    'an attempt begins twice',
    'jobs',
    `where id = p_job_id and state = 'charged' and p_state = 'charged' and version = p_version for no key update;\n  if not found then\n    return null;`,
    `where id = p_job_id for no key update;\n  if not found then\n    return null;`,
  ],
  ['a full account takes more', 'tokens', 'when open_now >= max_open', 'when false'],
  [
    'two begin at once on one place',
    'own',
    'order by account.provider, account.account for no key update',
    'order by account.provider, account.account',
  ],
  ['a minute has room for what came at once as well', 'tokens', 'when sent >= per_window then', 'when false then'],
  ['a refusal is forgotten', 'tokens', `if p_event ->> 'outcome' = 'refused' then`, 'if false then'],
  [
    'the token of a job that is stored may go',
    'jobs',
    `state in ('submitting', 'running', 'storing') limit`,
    `state in ('submitting', 'running') limit`,
  ],
  ['everybody tries a new key', 'tokens', 'and unanswered_of_token > 0 as is_awaited', 'and false as is_awaited'],
  [
    'whoever waits for a new key goes elsewhere',
    'tokens',
    'when is_awaited or provider_position > min(provider_position) filter (where is_awaited) over ()',
    'when is_awaited',
  ],
  [
    'everybody who waits comes back at once',
    'tokens',
    'set queued_until = to_timestamp(v_choice.come_at / 1000)',
    'set queued_until = null',
  ],
  ['an account where everything fails goes on', 'tokens', 'case when has_fit then', 'case when false then'],
  [
    'a token stays busy when its job goes on',
    'database',
    `when (old.state in ('submitting', 'running') and`,
    `when (old.state in ('storing') and`,
  ],
  [
    'a dead key is tried again',
    'tokens',
    `when p_standing ->> 'status' = 'disabled' then 'infinity'`,
    `when false then 'infinity'`,
  ],
  ['settlement gives everything back', 'database', 'greatest(0, v_job.count - v_delivered)', 'v_job.count'],
  [
    'settlement happens twice',
    'database',
    `and state = p_state and version = p_version and state in ('storing', 'refunding')`,
    `and price > 0`,
  ],
]

const CHANCES = 6

describe('over postgres', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await ENGINES.postgres()
  })
  afterAll(() => engine.close())

  test.each(MUTANTS)('%s', { timeout: 90_000 }, async (_name, caughtBy, from, to) => {
    const driver = await engine.open({ migrated: false })
    await driver.query([shim, ...mutated(from, to)].join('\n'))
    // Some show only in a race that somebody has to lose: then the suite gets more than one chance to see it.
    let caught: unknown = null
    for (let chance = 0; chance < CHANCES && caught === null; chance++) {
      caught = await firstFailure(SUITES[caughtBy](() => harnessOn(driver)))
    }
    expect(caught).not.toBeNull()
    await driver.close()
  })

  test('a table or a function that is not closed shows in the dump of the schema', async () => {
    const grants = [
      'revoke all on public.%I from %s',
      'revoke all on function %s from public',
      'alter table public.%I enable row level security',
    ]
    const whole = await engine.open({ connections: 1 })
    const schema = await dumpSchema(whole)
    await whole.close()
    for (const statement of grants) {
      const driver = await engine.open({ migrated: false, connections: 1 })
      await driver.query(shim)
      for (const objects of ['tables', 'functions']) {
        await driver.query(
          `alter default privileges in schema public grant all on ${objects} to anon, authenticated, service_role`,
        )
      }
      const nothing = `grant usage on schema public to service_role; -- ${statement}`
      await driver.query(mutated(statement, nothing).join('\n'))
      expect(await dumpSchema(driver), statement).not.toBe(schema)
      await driver.close()
    }
  })
})

/** All migrations with one passage replaced, which has to be there, and once in each: a later one may replace a function. */
function mutated(from: string, to: string): string[] {
  const all = migrations.map(({ sql }) => sql)
  expect(Math.max(...all.map(sql => sql.split(from).length)), 'the passage is there, once').toBe(2)
  return all.map(sql => sql.replace(from, () => to))
}

const SUITES: Record<Suite, (make: () => Promise<DatabaseHarness>) => Case[]> = {
  ledger: make => creditLedgerCases(portsOf(make), { runs: 3 }),
  limiter: make => rateLimiterCases(portsOf(make), { runs: 3 }),
  jobs: make => jobStoreCases(portsOf(make), { runs: 3 }),
  tokens: make => tokenPoolCases(portsOf(make)),
  database: make => databaseCases(make, { runs: 3 }),
  own: ownCases,
}

async function firstFailure(cases: readonly Case[]): Promise<string | null> {
  for (const { name, run } of cases) {
    const failed = await run().then(() => false, () => true) // prettier-ignore
    if (failed) return name
  }
  return null
}
