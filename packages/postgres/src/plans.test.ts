/**
 * Plans that were made while the tables were empty, as those of a server that has just started: a function keeps such a
 * plan for a while, so it has to be the one that is right for a large table.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'

const LOOKUPS: readonly [index: string, parameters: string, text: string][] = [
  ['generation_jobs_pkey', 'uuid', 'select id from public.generation_jobs where id = $1'],
  [
    'generation_jobs_pkey',
    'uuid, text, integer',
    'update public.generation_jobs set state = state where id = $1 and state = $2 and version = $3',
  ],
  ['once_per_key', 'uuid, text', 'select id from public.generation_jobs where user_id = $1 and idempotency_key = $2'],
  [
    'jobs_due',
    'timestamptz',
    'select user_id from public.generation_jobs where finished_at is null and wake_at <= $1 order by wake_at limit 1',
  ],
  [
    'jobs_due_by_user',
    'timestamptz, uuid',
    'select user_id from public.generation_jobs where finished_at is null and wake_at <= $1 and user_id > $2 order by user_id limit 1',
  ],
  [
    'jobs_due_by_user',
    'timestamptz, uuid',
    'select id from public.generation_jobs where user_id = $2 and finished_at is null and wake_at <= $1 order by wake_at, id limit 5',
  ],
  [
    'jobs_due_by_user',
    'timestamptz, uuid',
    'select count(*) from public.generation_jobs where user_id = $2 and finished_at is null and lease_until > $1',
  ],
  [
    'jobs_due_by_user',
    'integer',
    `select distinct attempt ->> 'provider', attempt ->> 'token' from public.generation_jobs
      where finished_at is null and state in ('submitting', 'running', 'storing') limit $1`,
  ],
  [
    'jobs_succeeded',
    'text',
    `select finished_at from public.generation_jobs where model = $1 and state = 'succeeded' order by finished_at desc limit 20`,
  ],
  [
    'attempts_open',
    'text, text, text',
    'select id from public.job_attempts where provider = $1 and account = $2 and lane = $3 and ended_at is null',
  ],
  [
    'attempts_lately',
    'text, text, text, timestamptz',
    `select count(*), count(accepted_at) from public.job_attempts
      where provider || ' ' || account || ' ' || lane = $1 || ' ' || $2 || ' ' || $3 and acquired_at > $4 and account = $2 and lane = $3`,
  ],
  ['attempts_of_job', 'uuid', 'select id from public.job_attempts where job_id = $1 and started_at is not null'],
  ['job_attempts_pkey', 'uuid', 'update public.job_attempts set ended_at = now() where id = $1'],
  ['once_per_reference', 'text', `select seq from public.credit_ledger where reference = $1 and kind = 'grant'`],
  ['credit_ledger_pkey', 'uuid, bigint', 'select seq from public.credit_ledger where user_id = $1 and seq = $2'],
  [
    'ledger_by_transaction',
    'bigint, bigint',
    'select user_id from public.credit_ledger where transaction_id >= $1 and transaction_id < $2',
  ],
  ['ledger_by_transaction', 'timestamptz', 'select user_id from public.credit_ledger where created_at >= $1'],
  [
    'credit_ledger_pkey',
    'uuid, bigint',
    'select delta from public.credit_ledger where user_id = $1 and seq > $2 order by seq',
  ],
  [
    'credit_accounts_pkey',
    'uuid',
    'select balance from public.credit_accounts where user_id >= $1 order by user_id limit 100',
  ],
  [
    'jobs_ended',
    'timestamptz',
    'select model from public.generation_jobs where finished_at >= $1 and finished_at is not null and created_at >= $1',
  ],
  [
    'jobs_to_blank',
    'timestamptz',
    'select id from public.generation_jobs where finished_at <= $1 and finished_at is not null and blanked_at is null order by finished_at limit 100',
  ],
  ['images_storage_key_idx', 'text', 'select id from public.media where storage_key = $1 and archived_at is null'],
  [
    'images_expires_at_idx',
    'timestamptz',
    'select id from public.media where expires_at <= $1 and archived_at is null and not saved and not starred order by expires_at limit 100',
  ],
  ['images_id_idx', 'uuid', 'select id from public.media where id = $1'],
  [
    'images_user_id_created_at_idx',
    'uuid',
    'select id from public.media where user_id = $1 and deleted_at is null order by created_at desc, id desc limit 30',
  ],
]

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await start()
      driver = await engine.open({ connections: 1 })
      // Both kinds of emptiness: a table that was never looked at, and one that is known to be empty, which is worse.
      await driver.query('analyze')
      await driver.query('set plan_cache_mode = force_generic_plan; set enable_seqscan = off')
    })
    afterAll(async () => {
      await driver.close()
      await engine.close()
    })

    test.each(LOOKUPS)('%s (%s)', async (index, parameters, text) => {
      await driver.query(`prepare lookup (${parameters}) as ${text}`)
      const nulls = parameters.split(',').map(() => 'null')
      const plan = await driver.query(`explain execute lookup (${nulls.join(', ')})`)
      await driver.query('deallocate lookup')
      const used = plan
        .map(row => /using (\w+)|Index Scan on (\w+)/.exec(String(row['QUERY PLAN'])))
        .flatMap(found => found?.[1] ?? found?.[2] ?? [])
      expect(used).toContain(index)
    })
  })
}
