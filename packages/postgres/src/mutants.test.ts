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
import type { SqlDriver } from './driver.ts'
import { migrations, shim } from './generated/sql.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { harnessOn } from './testing/database-harness.ts'
import { lateEntryCase } from './testing/late-entry.ts'
import { ownCases } from './testing/own-cases.ts'
import { upkeepCases } from './testing/upkeep-cases.ts'

type Suite = 'ledger' | 'limiter' | 'jobs' | 'tokens' | 'database' | 'own' | 'upkeep'
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
    '> clock_timestamp() - make_interval(secs => p_windows[array_position(p_keys, bucket.key)])) is not true;',
    '> clock_timestamp() - make_interval(secs => p_windows[array_position(p_keys, bucket.key)])) is not true or true;',
  ],
  [
    'a limit lets one more through',
    'limiter',
    'cardinality(bucket.hits) - p_maxima[array_position(p_keys, bucket.key)] + 1]',
    'cardinality(bucket.hits) - p_maxima[array_position(p_keys, bucket.key)]]',
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
  [
    'two servers get the same turn',
    'upkeep',
    'set claimed_at = excluded.claimed_at where run.claimed_at <= clock_timestamp() - v_every',
    'set claimed_at = excluded.claimed_at',
  ],
  [
    'a task comes before its time',
    'upkeep',
    'v_every interval := make_interval(secs => p_every_seconds)',
    'v_every interval := make_interval(secs => 0)',
  ],
  [
    'what was starred is archived',
    'upkeep',
    'archived_at is null and not saved and not starred',
    'archived_at is null and not saved',
  ],
  [
    'what was saved is archived',
    'upkeep',
    'archived_at is null and not saved and not starred',
    'archived_at is null and not starred',
  ],
  [
    'a file that is left over is never deleted',
    'upkeep',
    'where archived_at is not null and file_gone_at is null\n         and not exists',
    'where archived_at = v_now\n         and not exists',
  ],
  [
    'a file that somebody still has is deleted',
    'upkeep',
    'where living.storage_key = gone.storage_key and living.archived_at is null',
    'where false',
  ],
  [
    'a picture that is kept loses its prompt',
    'upkeep',
    'where media.job_id = job.id and media.archived_at is null and media.deleted_at is null',
    'where false',
  ],
  [
    'an open job loses its prompt',
    'upkeep',
    'where finished_at <= v_ended_before and finished_at is not null and blanked_at is null',
    'where coalesce(finished_at, created_at) <= v_ended_before and blanked_at is null',
  ],
  ['prompts stay for ever', 'upkeep', `input = '{"prompt": ""}' ||`, `input = input ||`],
  [
    'entries are believed to follow',
    'upkeep',
    'select distinct user_id from walked where not is_right',
    'select distinct user_id from walked where false',
  ],
  [
    'an account need not stand at its last entry',
    'upkeep',
    'where is_last and (account.seq, account.balance) is distinct from (walked.seq, walked.balance_after)',
    'where false',
  ],
  [
    'accounts without new entries are not looked at',
    'upkeep',
    'v_whole or (account.seq, account.balance) is distinct from (checked.seq, checked.balance) as is_due',
    'v_whole as is_due',
  ],
  [
    'a balance that differs is taken for where the account stands',
    'upkeep',
    'select user_id, last_seq, last_balance from latest order by user_id',
    'select user_id, coalesce(seq, last_seq), coalesce(balance, last_balance) from latest order by user_id',
  ],
  [
    'the whole leaves out accounts without an entry',
    'upkeep',
    'select unnest(v_users) union\n      select distinct user_id',
    'select unnest(v_users) where false union\n      select distinct user_id',
  ],
  [
    'new entries are read up to the newest, and what ends late is passed by',
    'upkeep',
    'v_oldest_running bigint := pg_snapshot_xmin(',
    'v_oldest_running bigint := pg_snapshot_xmax(',
  ],
  [
    'what was found once and closed is never found again',
    'upkeep',
    `where finding.problem in ('account_missing', 'balance', 'position') or not exists`,
    'where not exists',
  ],
  [
    'what nobody closed is forgotten',
    'upkeep',
    'from public.credit_discrepancies where closed_at is null order by last_found_at',
    `from public.credit_discrepancies where closed_at is null and last_found_at >= v_now and problem <> 'chain' order by last_found_at`,
  ],
  ['a refund of too much passes', 'upkeep', 'and fresh.delta <= -charge.delta', ''],
  [
    'a failed job keeps its price',
    'upkeep',
    'and reference.charged_seq is not null and not reference.closed',
    'and reference.charged_seq is not null and reference.closed and reference.user_id is null',
  ],
  ['a frozen balance passes', 'upkeep', 'from compared where last_seq > seq', 'from compared where last_seq < seq'],
  [
    'a drifting balance passes',
    'upkeep',
    'from compared where balance <> coalesce(last_balance, 0)',
    'from compared where balance < 0',
  ],
  ['three refunds pass', 'upkeep', 'lag(created_at, 2) over', 'lag(created_at, 3) over'],
  ['a grant without a reason passes', 'upkeep', `trim(description) = ''`, `description = ''`],
  ['ten times the usual passes', 'upkeep', 'top.amount >= 10 * usual.median', 'top.amount > 10 * usual.median'],
  ['an overdue job passes', 'upkeep', 'v_now - begun_at > 2 * allowed', 'v_now - begun_at > 3 * allowed'],
]

const CHANCES = 6

describe('over postgres', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await ENGINES.postgres()
  })
  afterAll(() => engine.close())

  test.each(MUTANTS)('%s', { timeout: 90_000 }, async (_name, caughtBy, from, to) => {
    // Some show only in a race that somebody has to lose: then the suite gets more than one chance to see it. Each has a
    // database of its own, because what a suite leaves behind could be what fails the next time.
    let caught: unknown = null
    for (let chance = 0; chance < CHANCES && caught === null; chance++) {
      const driver = await engine.open({ migrated: false })
      await driver.query([shim, ...mutated(from, to)].join('\n'))
      caught = await firstFailure(SUITES[caughtBy](() => harnessOn(driver), driver))
      await driver.close()
    }
    expect(caught).not.toBeNull()
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

const SUITES: Record<Suite, (make: () => Promise<DatabaseHarness>, driver: SqlDriver) => Case[]> = {
  ledger: make => creditLedgerCases(portsOf(make), { runs: 3 }),
  limiter: make => rateLimiterCases(portsOf(make), { runs: 3 }),
  jobs: make => jobStoreCases(portsOf(make), { runs: 3 }),
  tokens: make => tokenPoolCases(portsOf(make)),
  database: make => databaseCases(make, { runs: 3 }),
  own: make => ownCases(make),
  upkeep: (_make, driver) => [...upkeepCases(() => driver), lateEntryCase(() => driver)],
}

async function firstFailure(cases: readonly Case[]): Promise<string | null> {
  for (const { name, run } of cases) {
    const failed = await run().then(() => false, () => true) // prettier-ignore
    if (failed) return name
  }
  return null
}
