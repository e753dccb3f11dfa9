-- 000007: the three calls in which money, limits and jobs meet, each one round trip and one transaction.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 6) then
  raise exception 'apply 000006_job-lifecycle.sql first';
end if;
if exists (select from public.safelight_migrations where version = 7) then
  return;
end if;

-- All of admission. Refuses in this order: replay, limits, conflict, kill switch, model, capacity, account, balance. One
-- read without a lock answers replays and 429s, which write nothing; everything else counts against the limits. Whoever
-- finds under a lock that the read no longer holds gives up the transaction (40001), and the next try reads the truth.
--   → { outcome, balance, limits, job }
create function public.admit_job(p_job jsonb, p_ip text, p_has_capacity boolean) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_id uuid := (p_job ->> 'id')::uuid;
  v_user_id uuid := (p_job ->> 'userId')::uuid;
  v_key text := p_job ->> 'idempotencyKey';
  v_price bigint := (p_job ->> 'price')::bigint;
  v_user_bucket text := 'user:' || v_user_id;
  v_ip_bucket text := 'ip:' || p_ip;
  v_read record;
  v_user_max integer;
  v_ip_max integer;
  v_window integer;
  v_user_limit jsonb;
  v_ip_limit jsonb;
  v_outcome text;
  v_entry public.credit_ledger;
  v_job jsonb;
begin
  select (select setting_value from public.app_settings where setting_key = 'limits') as limits,
         (select hits from public.rate_limits where key = v_user_bucket) as user_hits,
         (select hits from public.rate_limits where key = v_ip_bucket) as ip_hits,
         (select balance from public.credit_accounts where user_id = v_user_id) as balance,
         coalesce(
           (select id from public.generation_jobs where id = v_id),
           (select id from public.generation_jobs where user_id = v_user_id and idempotency_key = v_key)) as earlier_id,
         exists (select from public.credit_references where reference = v_id::text) as is_taken
    into v_read;
  v_user_max := coalesce((v_read.limits ->> 'userPerMinute')::integer, 10);
  v_ip_max := coalesce((v_read.limits ->> 'ipPerMinute')::integer, 20);
  v_window := coalesce((v_read.limits ->> 'windowSeconds')::integer, 60);
  v_user_limit := safelight.limit_state('user', v_read.user_hits, v_user_max, v_window);
  v_ip_limit := case when p_ip is not null then safelight.limit_state('ip', v_read.ip_hits, v_ip_max, v_window) end;

  -- In steps, because what a 429 does not need shall not be looked up for it.
  if v_read.earlier_id is not null then
    select to_jsonb(job), 'replayed' into v_job, v_outcome from public.generation_jobs job
     where id = v_read.earlier_id and user_id = v_user_id and request_hash = p_job ->> 'requestHash';
  end if;
  if v_outcome is null then
    if v_user_limit -> 'remaining' = '0' or v_ip_limit -> 'remaining' = '0' then
      v_outcome := 'rate_limited';
    else
      v_outcome := case
        when v_read.earlier_id is not null or v_read.is_taken then 'idempotency_conflict'
        when (select setting_value from public.app_settings where setting_key = 'app_enabled') = 'false' then 'closed'
        when (select setting_value from public.app_settings where setting_key = 'disabled_models') ? (p_job ->> 'model')
          then 'model_disabled'
        when not p_has_capacity then 'no_capacity'
        when v_read.balance is null then 'no_account'
        when v_read.balance < v_price then 'insufficient_credits'
        else 'admitted'
      end;
    end if;
  end if;

  if v_outcome = 'admitted' then
    if v_price > 0 then
      v_entry := safelight.post_entry(v_user_id, 'charge', -v_price, v_id::text, v_id, p_job ->> 'model', '{}');
      if v_entry.seq is null then
        raise exception 'lost race: balance' using errcode = 'serialization_failure';
      end if;
      v_read.balance := v_entry.balance_after;
    end if;
    insert into public.credit_references (reference, user_id, charged_seq)
    values (v_id::text, v_user_id, v_entry.seq) on conflict do nothing;
    if not found then
      raise exception 'lost race: reference' using errcode = 'serialization_failure';
    end if;
    v_job := safelight.insert_job(p_job, 'charged');
  end if;
  if v_outcome not in ('replayed', 'rate_limited') then
    if not safelight.take_hits(array_remove(array[v_user_bucket, v_ip_bucket], null), array[v_user_max, v_ip_max],
                               array[v_window, v_window]) then
      raise exception 'lost race: rate limits' using errcode = 'serialization_failure';
    end if;
    v_user_limit := safelight.limit_state('user', v_read.user_hits || clock_timestamp(), v_user_max, v_window);
    if p_ip is not null then
      v_ip_limit := safelight.limit_state('ip', v_read.ip_hits || clock_timestamp(), v_ip_max, v_window);
    end if;
  end if;
  return jsonb_build_object(
    'outcome', v_outcome, 'balance', coalesce(v_read.balance, 0), 'job', v_job,
    'limits', case when v_ip_limit is null then jsonb_build_array(v_user_limit)
                   else jsonb_build_array(v_user_limit, v_ip_limit) end);
end
$function$;

-- Chooses a token and writes the attempt under the lock of the provider account, and moves `charged` → `submitting`.
--   → { status: 'begun', job, candidate } | { status: 'lost' } | { status: 'wait', wait_ms } | { status: 'none' }
create function public.begin_attempt(p_job_id uuid, p_state text, p_version integer, p_attempt_id uuid, p_number integer,
                                     p_lane text, p_candidates jsonb, p_wake_in_seconds double precision)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_model text;
  v_chosen jsonb;
  v_job jsonb;
begin
  select model into v_model from public.generation_jobs
   where id = p_job_id and state = 'charged' and p_state = 'charged' and version = p_version for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;
  v_chosen := safelight.choose_candidate(v_model, p_lane, p_candidates);
  if v_chosen ->> 'status' <> 'token' then
    return v_chosen;
  end if;
  v_job := public.start_attempt(p_job_id, p_state, p_version, v_chosen -> 'candidate'
    || jsonb_build_object('id', p_attempt_id, 'number', p_number, 'lane', p_lane), p_wake_in_seconds);
  if v_job is null then
    return jsonb_build_object('status', 'lost');
  end if;
  return jsonb_build_object('status', 'begun', 'job', v_job, 'candidate', v_chosen -> 'candidate');
end
$function$;

-- The end of a job: its media recorded, what was not delivered given back, the end state, once. How much that is comes
-- from the job's own price and count. Null where the job had moved.
create function public.settle_job(p_job_id uuid, p_state text, p_version integer, p_ending text, p_files jsonb,
                                  p_reason text)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_job public.generation_jobs;
  v_expires_at timestamptz;
  v_delivered integer;
  v_amount bigint;
  v_refunded bigint := 0;
begin
  select * into v_job from public.generation_jobs
   where id = p_job_id and state = p_state and version = p_version and state in ('storing', 'refunding')
     for no key update;
  if not found then
    return null;
  end if;
  select clock_timestamp() + make_interval(days => coalesce(max((setting_value #>> '{}')::integer), 30))
    into v_expires_at from public.app_settings where setting_key = 'retention_days';
  insert into public.media (id, kind, user_id, job_id, index, storage_key, content_type, bytes, width, height, duration,
                            hash, expires_at)
  select (value ->> 'id')::uuid, v_job.kind, v_job.user_id, v_job.id, (value ->> 'index')::integer,
         value #>> '{file,key}', value #>> '{file,contentType}', (value #>> '{file,bytes}')::bigint,
         (value #>> '{file,width}')::integer, (value #>> '{file,height}')::integer,
         (value #>> '{file,durationSeconds}')::double precision, value #>> '{file,hash}', v_expires_at
    from jsonb_array_elements(p_files)
  on conflict do nothing;
  select count(distinct value ->> 'index') into v_delivered from jsonb_array_elements(p_files);
  v_amount := v_job.price::bigint * greatest(0, v_job.count - v_delivered) / v_job.count;
  if v_amount > 0 then
    v_refunded := (public.refund_charge(v_job.id::text, v_amount, p_reason, '{}') ->> 'refunded')::bigint;
  end if;
  update public.generation_jobs
     set state = p_ending, version = version + 1, revision = revision + 1, refunded_credits = v_refunded,
         media = (select coalesce(jsonb_agg(value -> 'file' order by (value ->> 'index')::integer), '[]')
                    from jsonb_array_elements(p_files)),
         finished_at = clock_timestamp(), lease_until = null
   where id = p_job_id
  returning * into v_job;
  return to_jsonb(v_job);
end
$function$;

perform safelight.close_functions('admit_job', 'begin_attempt', 'settle_job');

insert into public.safelight_migrations (version, name, checksum)
values (7, '000007_admission-and-settlement', '7db9bba3eac6a6587acf102f2de88b190eb03d98e8add39759298de5a19cd855');
end
$migration$;
