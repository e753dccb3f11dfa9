-- 000013: what has to be done now and then: files that may go, history that nobody needs, figures of what was generated.
--
-- Whoever does it takes turns through claim_upkeep, so any number of servers and a cron of the database may all try. Every
-- call is bounded, may be repeated, and says whether there is more.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 12) then
  raise exception 'apply 000012_token-turns.sql first';
end if;
if exists (select from public.safelight_migrations where version = 13) then
  return;
end if;

-- ---------------------------------------------------------------------------------------------- turns
create table public.upkeep_runs (
  task       text primary key,
  claimed_at timestamptz not null
);

-- Whether the caller shall do the task now: one of all who ask within that many seconds. A refusal only reads, and whoever
-- meets a rival in the act does not wait for it.
create function public.claim_upkeep(p_task text, p_every_seconds integer) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_every interval := make_interval(secs => p_every_seconds);
begin
  if p_task is null or p_every_seconds is null or p_every_seconds < 1 then
    raise exception 'a task has a name and comes every second at most' using errcode = 'invalid_parameter_value';
  end if;
  if exists (select from public.upkeep_runs where task = p_task and claimed_at > clock_timestamp() - v_every)
     or not pg_try_advisory_xact_lock(hashtextextended('safelight.upkeep.' || p_task, 0)) then
    return jsonb_build_object('claimed', false);
  end if;
  -- Looked at once more behind the lock.
  insert into public.upkeep_runs as run (task, claimed_at) values (p_task, clock_timestamp())
  on conflict (task) do update set claimed_at = excluded.claimed_at where run.claimed_at <= clock_timestamp() - v_every;
  return jsonb_build_object('claimed', found);
end
$function$;

-- ---------------------------------------------------------------------------------------------- files
-- The row says first that the bytes are gone, then they are deleted, then that is noted. Whoever dies in between leaves a
-- key that is answered again.
alter table public.media add column file_gone_at timestamptz;
create index media_files_left on public.media (archived_at) where archived_at is not null and file_gone_at is null;
create index media_deleted on public.media (deleted_at) where deleted_at is not null and archived_at is null;
create index media_by_key on public.media (storage_key);

create function safelight.retention() returns interval
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return make_interval(days => coalesce(
    (select (setting_value #>> '{}')::integer from public.app_settings where setting_key = 'retention_days'), 30));
end
$function$;

-- Archives what has expired and is neither saved nor starred, and what its user deleted as long ago as files are kept.
-- `keys` are files that may go now: those of these rows, and those that were answered before and are not noted as gone. A
-- file that a living row has as well stays.
--   → { done, more, keys }
create function public.archive_expired_media(p_limit integer default 500) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_deleted_before timestamptz := v_now - safelight.retention();
  v_expired integer;
  v_deleted integer;
  v_keys jsonb;
begin
  with old as (
    select kind, id from public.media
     where expires_at <= v_now and archived_at is null and not saved and not starred
     order by expires_at limit p_limit for no key update skip locked
  )
  update public.media set archived_at = v_now from old where media.kind = old.kind and media.id = old.id;
  get diagnostics v_expired = row_count;
  with old as (
    select kind, id from public.media
     where deleted_at <= v_deleted_before and deleted_at is not null and archived_at is null
     order by deleted_at limit p_limit for no key update skip locked
  )
  update public.media set archived_at = v_now from old where media.kind = old.kind and media.id = old.id;
  get diagnostics v_deleted = row_count;
  select coalesce(jsonb_agg(storage_key), '[]') into v_keys from (
    select distinct storage_key from (
      select storage_key from public.media gone
       where archived_at is not null and file_gone_at is null
         and not exists (select from public.media living
                          where living.storage_key = gone.storage_key and living.archived_at is null)
       order by archived_at limit p_limit
    ) oldest
  ) files;
  return jsonb_build_object('done', v_expired + v_deleted, 'keys', v_keys,
                            'more', greatest(v_expired, v_deleted, jsonb_array_length(v_keys)) >= p_limit);
end
$function$;

-- These files are deleted.
create function public.forget_archived_files(p_keys jsonb) returns integer
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_forgotten integer;
begin
  update public.media set file_gone_at = clock_timestamp()
   where storage_key in (select jsonb_array_elements_text(p_keys)) and archived_at is not null and file_gone_at is null;
  get diagnostics v_forgotten = row_count;
  return v_forgotten;
end
$function$;

-- ---------------------------------------------------------------------------------------------- history
alter table public.generation_jobs add column blanked_at timestamptz;
create index jobs_ended on public.generation_jobs (finished_at) where finished_at is not null;
create index jobs_to_blank on public.generation_jobs (finished_at) where finished_at is not null and blanked_at is null;

-- Jobs stay for ever, but not what was asked for and how it went: a job that ended as long ago as files are kept, and has
-- none any more, loses its prompt, its input files, what the provider said, and its attempts. Logs of provider calls are
-- kept for 30 days, deliveries of webhooks for a day.
--   → { done, more, provider_logs, jobs, attempts, deliveries }
create function public.trim_history(p_limit integer default 2000) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_ended_before timestamptz := v_now - safelight.retention();
  v_jobs uuid[];
  v_logs integer;
  v_bound integer;
  v_attempts integer;
  v_deliveries integer;
begin
  v_jobs := array(
    select id from public.generation_jobs job
     where finished_at <= v_ended_before and finished_at is not null and blanked_at is null
       and not exists (select from public.media
                        where media.job_id = job.id and media.archived_at is null and media.deleted_at is null)
     order by finished_at limit p_limit for no key update skip locked);
  update public.generation_jobs
     set blanked_at = v_now, outputs = null, operation = null, progress = null, troubles = null,
         input = '{"prompt": ""}' || (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(input)
                                       where key in ('size', 'count', 'seed', 'duration', 'style'))
   where id = any (v_jobs);
  delete from public.job_attempts where job_id = any (v_jobs);
  get diagnostics v_attempts = row_count;
  -- Of jobs that are kept elsewhere.
  delete from public.job_attempts where id in (
    select id from public.job_attempts where job_id is null and acquired_at <= v_ended_before
     limit p_limit for update skip locked);
  get diagnostics v_bound = row_count;
  delete from public.provider_logs where id in (
    select id from public.provider_logs where created_at <= v_now - interval '30 days'
     order by created_at limit p_limit for update skip locked);
  get diagnostics v_logs = row_count;
  delete from public.webhook_deliveries where (provider, delivery_id) in (
    select provider, delivery_id from public.webhook_deliveries where received_at <= v_now - interval '1 day 1 hour'
     order by received_at limit p_limit for update skip locked);
  get diagnostics v_deliveries = row_count;
  return jsonb_build_object(
    'done', cardinality(v_jobs) + v_attempts + v_bound + v_logs + v_deliveries,
    'more', greatest(cardinality(v_jobs), v_bound, v_logs, v_deliveries) >= p_limit,
    'provider_logs', v_logs, 'jobs', cardinality(v_jobs), 'attempts', v_attempts + v_bound, 'deliveries', v_deliveries);
end
$function$;

-- ---------------------------------------------------------------------------------------------- figures
-- How these jobs went, for each name of theirs.
create function safelight.outcomes_by(p_jobs jsonb, p_name text) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(outcome) order by outcome.name), '[]') from (
    select job ->> p_name as name, sum((job ->> 'jobs')::bigint) as total_jobs,
           coalesce(sum((job ->> 'jobs')::bigint) filter (where job ->> 'state' = 'succeeded'), 0) as completed_jobs,
           coalesce(sum((job ->> 'jobs')::bigint) filter (where job ->> 'state' = 'failed'), 0) as failed_jobs,
           coalesce(sum((job ->> 'jobs')::bigint) filter (where job ->> 'state' = 'canceled'), 0) as canceled_jobs,
           sum((job ->> 'charged')::bigint) as credits_charged, sum((job ->> 'refunded')::bigint) as credits_refunded
      from jsonb_array_elements(p_jobs) job
     where job ->> p_name is not null
     group by job ->> p_name
  ) outcome
$function$;

-- Of the jobs that were asked for in the last hours; a year at most. Open jobs count in the total alone. A provider has the
-- jobs whose last attempt was at it.
--   → { hours, total_jobs, completed_jobs, …, credits_charged, credits_refunded, medians: [{ model, is_all, seconds }],
--       by_model: [{ name, total_jobs, … }], by_provider }
create function public.get_generation_stats(p_hours integer default 24) returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_since timestamptz := clock_timestamp() - make_interval(hours => p_hours);
  v_groups jsonb;
  v_medians jsonb;
  v_all jsonb;
begin
  if p_hours is null or p_hours not between 1 and 8784 then
    raise exception 'figures are of 1 to 8784 hours' using errcode = 'invalid_parameter_value';
  end if;
  with job as (
    -- Whoever was created since has ended since, or not at all: so there is an index for each.
    select model, state, attempt ->> 'provider' as provider, price, refunded_credits, id from public.generation_jobs
     where finished_at >= v_since and finished_at is not null and created_at >= v_since
    union all
    select model, state, attempt ->> 'provider', price, refunded_credits, id from public.generation_jobs
     where finished_at is null and created_at >= v_since
  )
  select coalesce(jsonb_agg(to_jsonb(grouped)), '[]') into v_groups from (
    select model, provider, state, count(*) as jobs, sum(refunded_credits) as refunded,
           -- One that failed without getting anything back may never have been charged.
           sum(case when state = 'created' then 0
                    when state in ('failed', 'canceled') and refunded_credits = 0 and not exists (
                      select from public.credit_references
                       where reference = job.id::text and charged_seq is not null) then 0
                    else price end) as charged
      from job group by model, provider, state
  ) grouped;
  select coalesce(jsonb_agg(to_jsonb(timed) order by model), '[]') into v_medians from (
    select model, grouping(model) = 1 as is_all,
           percentile_cont(0.5) within group (order by extract(epoch from finished_at - created_at)) as seconds
      from public.generation_jobs
     where finished_at >= v_since and finished_at is not null and created_at >= v_since and state = 'succeeded'
     group by grouping sets ((model), ())
  ) timed;
  select (safelight.outcomes_by(coalesce(jsonb_agg(each || '{"all": "all"}'), '[]'), 'all') -> 0) - 'name' into v_all
    from jsonb_array_elements(v_groups) each;
  return coalesce(v_all, '{"total_jobs": 0, "completed_jobs": 0, "failed_jobs": 0, "canceled_jobs": 0,
                           "credits_charged": 0, "credits_refunded": 0}') || jsonb_build_object(
    'hours', p_hours, 'medians', v_medians, 'by_model', safelight.outcomes_by(v_groups, 'model'),
    'by_provider', safelight.outcomes_by(v_groups, 'provider'));
end
$function$;

perform safelight.close_tables('upkeep_runs');
perform safelight.close_functions('claim_upkeep', 'archive_expired_media', 'forget_archived_files', 'trim_history',
                                  'get_generation_stats');

-- ---------------------------------------------------------------------------------------------- reports
-- To read in an SQL editor; database/reports asks them. They show what their reader may see.
create view safelight.balances_against_sums with (security_invoker = on) as
  select account.user_id, account.balance, coalesce(sum(entry.delta), 0)::bigint as sum_of_entries,
         (account.balance - coalesce(sum(entry.delta), 0))::bigint as difference,
         account.seq, count(entry.seq) as entries
    from public.credit_accounts account left join public.credit_ledger entry on entry.user_id = account.user_id
   group by account.user_id, account.balance, account.seq;

create view safelight.jobs_over_limits with (security_invoker = on) as
  select job.id, job.user_id, job.model, job.state, job.attempt ->> 'provider' as provider, job.created_at,
         coalesce(job.run_until, job.queue_until) as due_at, now() - coalesce(job.run_until, job.queue_until) as late_by
    from public.generation_jobs job
   where job.finished_at is null and coalesce(job.run_until, job.queue_until) < now();

create view safelight.spend_by_day with (security_invoker = on) as
  select (entry.created_at at time zone 'utc')::date as day, coalesce(job.model, 'other') as model,
         count(*) filter (where entry.kind = 'charge') as charges,
         coalesce(-sum(entry.delta) filter (where entry.kind = 'charge'), 0)::bigint as charged,
         coalesce(sum(entry.delta) filter (where entry.kind = 'refund'), 0)::bigint as refunded,
         -sum(entry.delta)::bigint as spent
    from public.credit_ledger entry left join public.generation_jobs job on job.id = entry.job_id
   where entry.kind in ('charge', 'refund')
   group by 1, 2;

create view safelight.provider_success with (security_invoker = on) as
  select job.attempt ->> 'provider' as provider, (job.finished_at at time zone 'utc')::date as day, count(*) as jobs,
         count(*) filter (where job.state = 'succeeded') as succeeded,
         round(count(*) filter (where job.state = 'succeeded') / count(*)::numeric, 4) as success_rate,
         percentile_cont(0.5) within group (order by extract(epoch from job.finished_at - job.created_at)) as median_seconds
    from public.generation_jobs job
   where job.finished_at is not null and job.attempt is not null
   group by 1, 2;

insert into public.safelight_migrations (version, name, checksum) values (13, '000013_upkeep', 'aa92f84cfe79c6818b83e88ee8a8fd05f71140c25ad248512afea287199fd7e9');
end
$migration$;
