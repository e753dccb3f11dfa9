-- 000006: the life of a job, one call for each thing that can happen to it.
--
-- Correctness is fenced by (state, version) alone. A job is answered as its whole row; instants come as text and go as
-- milliseconds, wake times as seconds from now by this database's clock.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 5) then
  raise exception 'apply 000005_providers.sql first';
end if;
if exists (select from public.safelight_migrations where version = 6) then
  return;
end if;

-- Helpers are in plpgsql where one would expect a line of SQL: a function in SQL is planned anew for every call.
create function safelight.from_ms(p_instant double precision) returns timestamptz
language plpgsql immutable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return to_timestamp(p_instant / 1000);
end
$function$;

create function safelight.to_ms(p_instant timestamptz) returns bigint
language plpgsql immutable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return floor(date_part('epoch', p_instant) * 1000);
end
$function$;

-- ---------------------------------------------------------------------------------------------- making and finding
-- Writes a job and answers its row; gives up the transaction where somebody was quicker with its id or key, and the next
-- try finds theirs.
create function safelight.insert_job(p_job jsonb, p_state text) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_job jsonb;
begin
  insert into public.generation_jobs as job (id, user_id, model, kind, input, price, count, idempotency_key,
                                             request_hash, request_id, state, queue_until)
  values ((p_job ->> 'id')::uuid, (p_job ->> 'userId')::uuid, p_job ->> 'model', p_job ->> 'kind', p_job -> 'input',
          (p_job ->> 'price')::integer, (p_job ->> 'count')::integer, p_job ->> 'idempotencyKey',
          p_job ->> 'requestHash', p_job ->> 'requestId', p_state,
          safelight.from_ms((p_job ->> 'queueUntil')::double precision))
  on conflict do nothing returning to_jsonb(job) into v_job;
  if not found then
    raise exception 'lost race: job %', p_job ->> 'id' using errcode = 'serialization_failure';
  end if;
  return v_job;
end
$function$;

-- Keyed by the id, and by the user's own key where there is one.
--   → { outcome: 'created' | 'replayed' | 'conflict', job }
create function public.create_job(p_job jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_user_id uuid := (p_job ->> 'userId')::uuid;
  v_job public.generation_jobs;
begin
  select * into v_job from public.generation_jobs where id = (p_job ->> 'id')::uuid;
  if not found then
    select * into v_job from public.generation_jobs
     where user_id = v_user_id and idempotency_key = p_job ->> 'idempotencyKey';
  end if;
  if v_job.id is null then
    return jsonb_build_object('outcome', 'created', 'job', safelight.insert_job(p_job, 'created'));
  elsif v_job.user_id = v_user_id and v_job.request_hash = p_job ->> 'requestHash' then
    return jsonb_build_object('outcome', 'replayed', 'job', to_jsonb(v_job));
  end if;
  return jsonb_build_object('outcome', 'conflict');
end
$function$;

create function public.find_job(p_job_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select to_jsonb(job) from public.generation_jobs job where id = p_job_id
$function$;

create function public.find_job_by_key(p_user_id uuid, p_idempotency_key text) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select to_jsonb(job) from public.generation_jobs job where user_id = p_user_id and idempotency_key = p_idempotency_key
$function$;

-- Newest first. A null filter lets everything through.
create function public.list_jobs(p_user_id uuid, p_kind text, p_states jsonb, p_limit integer, p_before_at timestamptz,
                                 p_before_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off
set plan_cache_mode = force_custom_plan as $function$
begin
  -- Planned with the filters that are there: one plan for all of them could use no index.
  return (select coalesce(jsonb_agg(to_jsonb(page) order by page.created_at desc, page.id desc), '[]') from (
    select * from public.generation_jobs
     where (p_user_id is null or user_id = p_user_id)
       and (p_before_at is null or (created_at, id) < (p_before_at, p_before_id))
       and (p_kind is null or kind = p_kind)
       and (p_states is null or p_states ? state)
     order by created_at desc, id desc limit p_limit
  ) page);
end
$function$;

-- Seconds from creation to success of a model's last jobs, newest first.
create function public.list_durations(p_model text, p_limit integer) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(extract(epoch from finished_at - created_at) order by finished_at desc), '[]') from (
    select created_at, finished_at from public.generation_jobs
     where model = p_model and state = 'succeeded' order by finished_at desc limit p_limit
  ) finished
$function$;

-- ---------------------------------------------------------------------------------------------- moving
-- What a JSON patch says about one column: absent leaves it, null empties it.
create function safelight.patched(p_patch jsonb, p_field text, p_now jsonb) returns jsonb
language plpgsql immutable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return case when p_patch ? p_field then nullif(p_patch -> p_field, 'null') else p_now end;
end
$function$;

-- Compare-and-set on (state, version); null where somebody else was quicker. A terminal state never changes.
create function public.move_job(p_job_id uuid, p_state text, p_version integer, p_to text, p_patch jsonb,
                                p_wake_in_seconds double precision)
returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  update public.generation_jobs job
     set state = p_to, version = version + 1, revision = revision + 1,
         operation = safelight.patched(p_patch, 'operation', operation),
         outputs = safelight.patched(p_patch, 'outputs', outputs),
         progress = safelight.patched(p_patch, 'progress', progress),
         failure = safelight.patched(p_patch, 'failure', failure),
         troubles = safelight.patched(p_patch, 'troubles', troubles),
         media = coalesce(p_patch -> 'media', media),
         refunded_credits = coalesce((p_patch ->> 'refundedCredits')::integer, refunded_credits),
         ending = case when p_patch ? 'ending' then p_patch ->> 'ending' else ending end,
         idempotency_key = case when p_patch ? 'idempotencyKey' then p_patch ->> 'idempotencyKey' else idempotency_key end,
         run_until = case when p_patch ? 'runUntil'
           then safelight.from_ms((p_patch ->> 'runUntil')::double precision) else run_until end,
         wake_at = coalesce(clock_timestamp() + make_interval(secs => p_wake_in_seconds), wake_at),
         lease_until = case when p_wake_in_seconds is null then lease_until end,
         finished_at = case when p_to in ('succeeded', 'failed', 'canceled') then clock_timestamp() end
   where id = p_job_id and state = p_state and version = p_version and p_state not in ('succeeded', 'failed', 'canceled')
  returning to_jsonb(job)
$function$;

-- What a look found. State and version stay; only progress is visible.
create function public.note_job(p_job_id uuid, p_state text, p_version integer, p_news jsonb,
                                p_wake_in_seconds double precision)
returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  update public.generation_jobs job
     set revision = revision + (safelight.patched(p_news, 'progress', progress) is distinct from progress)::integer,
         progress = safelight.patched(p_news, 'progress', progress),
         troubles = safelight.patched(p_news, 'troubles', troubles),
         operation = safelight.patched(p_news, 'operation', operation),
         wake_at = clock_timestamp() + make_interval(secs => p_wake_in_seconds),
         lease_until = null
   where id = p_job_id and state = p_state and version = p_version and p_state not in ('succeeded', 'failed', 'canceled')
  returning to_jsonb(job)
$function$;

-- Claims open jobs whose time has come and hides them for a while. The jobs of a user take turns with those of others:
-- the user of the job that has waited longest is served first, then the next users around the circle, and within it all
-- whoever has the fewest jobs in hand. Answered with the wake time they had. No version changes.
create function public.claim_due_jobs(p_limit integer, p_lease_seconds double precision) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_first uuid := (select user_id from public.generation_jobs
                    where finished_at is null and wake_at <= v_now order by wake_at limit 1);
  v_users uuid[];
  v_user uuid := v_first;
  v_jobs jsonb;
begin
  if v_first is null then
    return '[]';
  end if;
  -- Around the circle, from index entry to index entry: as long as users are wanted, however many jobs each one has.
  loop
    v_users := v_users || v_user;
    exit when cardinality(v_users) >= p_limit + 16;
    select user_id into v_user from public.generation_jobs
     where finished_at is null and wake_at <= v_now and user_id > v_user and (v_user >= v_first or user_id < v_first)
     order by user_id limit 1;
    if not found and v_users[cardinality(v_users)] >= v_first then
      select user_id into v_user from public.generation_jobs
       where finished_at is null and wake_at <= v_now and user_id < v_first
       order by user_id limit 1;
    end if;
    exit when not found;
  end loop;

  with candidate as (
    select due.id, due.wake_at, due.place + (
             select count(*) from public.generation_jobs
              where user_id = owner and finished_at is null and lease_until > v_now) as turn
      from unnest(v_users) owner cross join lateral (
        select id, wake_at, row_number() over (order by wake_at, id) as place from public.generation_jobs
         where user_id = owner and finished_at is null and wake_at <= v_now
         order by wake_at, id limit greatest(2, 2 * p_limit / cardinality(v_users))
      ) due
  ), claimed as (
    select job.id, job.wake_at, candidate.turn
      from candidate join public.generation_jobs job using (id)
     where job.wake_at = candidate.wake_at      -- looked at again under the lock: nobody has touched it since
     order by candidate.turn, candidate.wake_at limit p_limit for no key update of job skip locked
  ), leased as (
    update public.generation_jobs job
       set wake_at = v_now + make_interval(secs => p_lease_seconds),
           lease_until = v_now + make_interval(secs => p_lease_seconds)
      from claimed where job.id = claimed.id
    returning claimed.turn, claimed.wake_at, to_jsonb(job) || jsonb_build_object('wake_at', claimed.wake_at) as job
  )
  select coalesce(jsonb_agg(job order by turn, wake_at), '[]') into v_jobs from leased;
  return v_jobs;
end
$function$;

-- ---------------------------------------------------------------------------------------------- attempts
-- Writes the attempt and moves `charged` → `submitting`. Null, and nothing written, where the move was lost.
create function public.start_attempt(p_job_id uuid, p_state text, p_version integer, p_attempt jsonb,
                                     p_wake_in_seconds double precision)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_job public.generation_jobs;
begin
  perform 1 from public.generation_jobs
   where id = p_job_id and state = 'charged' and p_state = 'charged' and version = p_version for no key update;
  if not found then
    return null;
  end if;
  insert into public.job_attempts as attempt (id, job_id, number, provider, endpoint, token, account, lane, started_at)
  values ((p_attempt ->> 'id')::uuid, p_job_id, (p_attempt ->> 'number')::integer, p_attempt ->> 'provider',
          p_attempt ->> 'endpoint', p_attempt ->> 'token', p_attempt ->> 'account', p_attempt ->> 'lane', v_now)
  on conflict (id) do update
     set job_id = excluded.job_id, number = excluded.number, started_at = excluded.started_at
   where attempt.started_at is null;            -- bound by acquire_token a moment ago
  if not found then
    return null;
  end if;
  update public.generation_jobs
     set state = 'submitting', version = version + 1, revision = revision + 1,
         attempt = jsonb_build_object(
           'id', p_attempt -> 'id', 'number', p_attempt -> 'number', 'provider', p_attempt -> 'provider',
           'endpoint', p_attempt -> 'endpoint', 'token', p_attempt -> 'token', 'startedAt', safelight.to_ms(v_now),
           'acceptedAt', null),
         operation = null, outputs = null, run_until = null, troubles = null,  -- the attempt before had its own
         wake_at = v_now + make_interval(secs => p_wake_in_seconds), lease_until = null
   where id = p_job_id
  returning * into v_job;
  return to_jsonb(v_job);
end
$function$;

-- The answer of a submit, whoever brings it. A job that still waits for this attempt moves; any other is left alone and
-- the attempt keeps the answer. The first acceptance or refusal counts.
--   → { moved, job, attempt }, or null where there is no such attempt
create function public.record_attempt(p_attempt_id uuid, p_answer jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_outcome text := p_answer ->> 'outcome';
  v_job public.generation_jobs;
  v_attempt public.job_attempts;
  v_waits boolean;
begin
  select job.* into v_job from public.generation_jobs job
   where id = (select job_id from public.job_attempts where id = p_attempt_id and started_at is not null)
     for no key update;
  if not found then
    return null;
  end if;
  select * into v_attempt from public.job_attempts where id = p_attempt_id for no key update;
  if v_attempt.outcome not in ('open', 'unknown') or v_outcome = 'unknown' then
    if v_attempt.outcome = 'open' then
      update public.job_attempts set outcome = 'unknown' where id = p_attempt_id returning * into v_attempt;
    end if;
    return jsonb_build_object('moved', false, 'job', to_jsonb(v_job), 'attempt', to_jsonb(v_attempt));
  end if;

  v_waits := v_job.state = 'submitting' and (v_job.attempt ->> 'id')::uuid = p_attempt_id;
  if v_waits then
    update public.generation_jobs
       set state = case when v_outcome = 'refused' then 'charged'
                        when coalesce(p_answer -> 'outputs', 'null') <> 'null' then 'storing'
                        else 'running' end,
           version = version + 1, revision = revision + 1,
           attempt = case v_outcome when 'accepted'
             then attempt || jsonb_build_object('acceptedAt', safelight.to_ms(v_now)) else attempt end,
           operation = safelight.patched(p_answer, 'operation', operation),
           outputs = safelight.patched(p_answer, 'outputs', outputs),
           run_until = coalesce(safelight.from_ms((p_answer ->> 'runUntil')::double precision), run_until),
           wake_at = v_now + make_interval(secs => (p_answer ->> 'wakeInSeconds')::double precision),
           lease_until = null
     where id = v_job.id
    returning * into v_job;
  end if;
  update public.job_attempts
     set outcome = case when v_outcome = 'accepted' and not v_waits then 'late' else v_outcome end,
         operation = safelight.patched(p_answer, 'operation', operation),
         refusal = safelight.patched(p_answer, 'refusal', refusal),
         accepted_at = case v_outcome when 'accepted' then v_now end
   where id = p_attempt_id
  returning * into v_attempt;
  return jsonb_build_object('moved', v_waits, 'job', to_jsonb(v_job), 'attempt', to_jsonb(v_attempt));
end
$function$;

-- Oldest first.
create function public.list_attempts(p_job_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(attempt) order by attempt.number, attempt.started_at), '[]')
    from public.job_attempts attempt where job_id = p_job_id and started_at is not null
$function$;

-- Marks the intent to cancel at the provider; false where it was marked before.
create function public.ask_cancel(p_attempt_id uuid) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  update public.job_attempts set cancel_asked_at = clock_timestamp()
   where id = p_attempt_id and cancel_asked_at is null;
  return to_jsonb(found);
end
$function$;

perform safelight.close_functions('create_job', 'find_job', 'find_job_by_key', 'list_jobs', 'list_durations', 'move_job',
                                  'note_job', 'claim_due_jobs', 'start_attempt', 'record_attempt', 'list_attempts',
                                  'ask_cancel');

insert into public.safelight_migrations (version, name, checksum) values (6, '000006_job-lifecycle', 'cdc17507dce73d48d8d9c5f4f6ac6dd61ced8d2bdf19e2e928860160ef9986a2');
end
$migration$;
