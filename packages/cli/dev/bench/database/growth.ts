/**
 * Does a job cost more where there is a long history? Three databases on one server, with the same people and 1,000, 100,000
 * and two million ledger entries, and of each charge its reference and its job.
 */
import type { SqlDriver } from '@safelight/postgres'
import { atMost, compare, CONNECTIONS, type Contender, heading, ratio, repeat } from './rounds.ts'
import { allowPerMinute, makePeople, pick, type Server, wholeJob, withPostgres } from './work.ts'

const ENTRIES_EACH = 100
const HISTORIES = [1000, 100_000, 2_000_000]
const GOAL = 1.2

export async function growth(): Promise<void> {
  await withPostgres(async server => {
    heading(`Growth: whole jobs (admit, begin, record, settle) behind a history, ${CONNECTIONS} connections`)
    const startedAt = performance.now()
    const contenders: Contender[] = []
    for (const entries of HISTORIES) contenders.push(await contender(server, entries))
    console.log(`  histories planted in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
    const figures = await compare(contenders)
    for (const entries of HISTORIES.slice(1)) {
      const cost = ratio(figures, nameOf(HISTORIES[0] ?? 0), nameOf(entries))
      atMost(`cost of a job, ${nameOf(entries)} against ${nameOf(HISTORIES[0] ?? 0)}`, cost, GOAL)
    }
  })
}

function nameOf(entries: number): string {
  return `${entries.toLocaleString('en')} entries`
}

async function contender(server: Server, entries: number): Promise<Contender> {
  const { database, driver } = await server.open()
  const people = await makePeople(driver)
  await plant(driver, entries / ENTRIES_EACH)
  await allowPerMinute(database, 1000)
  return { name: nameOf(entries), measure: () => repeat(() => wholeJob(database, pick(people))) }
}

/**
 * A month of one grant and 99 pictures for each of so many people, in the order in which it would have come about. Ids rise
 * over the whole range, so that they are quick to plant and new ones fall anywhere between them.
 */
async function plant({ query }: SqlDriver, people: number): Promise<void> {
  await query(WITHOUT_INDEXES)
  await query(
    `insert into public.generation_jobs (id, user_id, model, kind, input, price, count, request_hash, state, version,
                                         revision, queue_until, wake_at, created_at, finished_at)
     select (lpad(to_hex(((number - 2) * $1::bigint + person) * 4294967295 / ($1 * ${ENTRIES_EACH - 1})), 8, '0')
               || substr(gen_random_uuid()::text, 9))::uuid,
            user_id, 'bench-image', 'image', '{"prompt": "a red fox in snow", "size": "portrait"}', 500, 1,
            repeat('0123456789abcdef', 4), 'succeeded', 4, 4, at, at, at, at + interval '9 seconds'
       from generate_series(2, ${ENTRIES_EACH}) number,
            (select user_id, row_number() over (order by user_id) as person
               from public.credit_accounts order by user_id limit $1) chosen,
            lateral (select now() - interval '30 days' + number * interval '7 hours' as at) planned
      order by number, person`,
    [people],
  )
  // A step for each table, two at a time, as there are cores.
  await Promise.all([query(REFERENCES), query(LEDGER)])
  await query(INDEXES_AGAIN)
  await query(`update public.credit_accounts account set seq = ${ENTRIES_EACH}
                where exists (select from public.credit_ledger entry where entry.user_id = account.user_id)`)
  await query('vacuum analyze')
  await query('checkpoint')
}

/** Making an index afterwards takes a third of the time. */
const WITHOUT_INDEXES = `
  create table left_out as
    select pg_get_indexdef(indexrelid) as definition, indexrelid::regclass::text as name from pg_index
     where indrelid = 'public.generation_jobs'::regclass and not indisprimary;
  do $$ declare v_name text; begin
    for v_name in select name from left_out loop execute 'drop index ' || v_name; end loop;
  end $$`
const INDEXES_AGAIN = `
  do $$ declare v_definition text; begin
    for v_definition in select definition from left_out loop execute v_definition; end loop;
  end $$;
  drop table left_out`

/** A picture every seven hours, the first one after the grant. */
const SEQ = '2 + round(extract(epoch from created_at - min(created_at) over ()) / 25200)::bigint'
const REFERENCES = `
  insert into public.credit_references (reference, user_id, charged_seq)
  select id, user_id, ${SEQ}
    from public.generation_jobs`
const LEDGER = `
  insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, job_id, description, created_at)
  select user_id, 1, 'grant', 1000049500, 1000049500, 'grant:' || user_id, null::uuid, 'To begin with', min(created_at)
    from public.generation_jobs group by user_id
  union all
  select user_id, seq, 'charge', -500, 1000049500 - 500 * (seq - 1), id::text, id, model, created_at
    from (select *, ${SEQ} as seq
            from public.generation_jobs) job`
