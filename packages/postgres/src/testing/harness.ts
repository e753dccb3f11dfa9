/** A clock for what is stored. */
import type { SqlDriver } from '../driver.ts'

/**
 * Lets time pass by moving everything that is stored into the past. As superuser: no function does this. The ledger
 * stays: its entries never change. With a user, only what is theirs moves: in a large database that is far less work.
 */
export async function letTimePass(driver: SqlDriver, seconds: number, userId?: string): Promise<void> {
  const whose = userId === undefined ? '' : `where user_id = '${userId}'`
  const back = `- make_interval(secs => ${seconds})`
  const json = (column: string, path: string) =>
    `jsonb_set(${column}, '{${path}}', to_jsonb((${column} ->> '${path}')::bigint - ${Math.round(seconds * 1000)}))`
  /** All that is called … At or … Until in a JSON object, and in the objects in it. */
  const moved = (key: string, value: string) =>
    `case when ${key} ~ '(At|Until)$' then to_jsonb((${value} #>> '{}')::double precision - ${seconds * 1000}) else ${value} end`
  const instants = (column: string) =>
    `(select coalesce(jsonb_object_agg(key, case jsonb_typeof(value) when 'object'
        then (select jsonb_object_agg(inner_key, ${moved('inner_key', 'inner_value')})
                from jsonb_each(value) inner_each (inner_key, inner_value))
        else ${moved('key', 'value')} end), '{}') from jsonb_each(${column}))`
  await driver.query(`
    update public.generation_jobs set
      wake_at = wake_at ${back}, lease_until = lease_until ${back}, queue_until = queue_until ${back},
      run_until = run_until ${back}, created_at = created_at ${back}, finished_at = finished_at ${back},
      troubles = case when troubles is not null then ${json('troubles', 'since')} end,
      outputs = (select jsonb_agg(case when output ? 'expiresAt' then ${json('output', 'expiresAt')} else output end)
                   from jsonb_array_elements(outputs) output),
      attempt = case when attempt is null then null
                     when attempt -> 'acceptedAt' = 'null' then ${json('attempt', 'startedAt')}
                     else ${json(json('attempt', 'startedAt'), 'acceptedAt')} end
      ${whose};
    update public.job_attempts set
      acquired_at = acquired_at ${back}, started_at = started_at ${back}, accepted_at = accepted_at ${back},
      ended_at = ended_at ${back}, cancel_asked_at = cancel_asked_at ${back}
      ${whose && `where job_id in (select id from public.generation_jobs ${whose})`};
    update public.rate_limits set
      hits = array(select hit ${back} from unnest(hits) hit), expires_at = expires_at ${back}
      ${whose && `where key like '%${userId}'`};
    update public.provider_accounts set
      paced_at = paced_at ${back}, queued_until = queued_until ${back}, state = ${instants('state')};
    update public.provider_tokens set state = ${instants('state')};
    update public.webhook_deliveries set received_at = received_at ${back};
    update public.media set
      created_at = created_at ${back}, expires_at = expires_at ${back}, archived_at = archived_at ${back},
      deleted_at = deleted_at ${back}
      ${whose};
  `)
}
