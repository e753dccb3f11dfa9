-- 000012: a submit counts a little longer than the provider's minute, a refused attempt ends together with what it taught,
-- and the tokens that open jobs need are listed.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 11) then
  raise exception 'apply 000011_runtimes.sql first';
end if;
if exists (select from public.safelight_migrations where version = 12) then
  return;
end if;

-- How busy a lane is. An attempt that bound a token and was never started is forgotten after a minute: its process died
-- in between. One without an answer counts as unanswered for ten seconds, however long a window is.
-- Stable, so that it sees the same moment as what is believed: an answer is never over and yet unknown.
create or replace function safelight.lane_use(p_provider text, p_account text, p_lane text, p_token text, p_window_ms double precision)
returns table (sent integer, accepted integer, open_now integer, open_accepted integer, unanswered integer,
               open_of_token integer, unanswered_of_token integer)
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_window interval := make_interval(secs => p_window_ms / 1000);
begin
  select count(*), count(accepted_at) into sent, accepted from public.job_attempts
   where provider || ' ' || account || ' ' || lane = p_provider || ' ' || p_account || ' ' || p_lane
     and acquired_at > v_now - v_window and account = p_account and lane = p_lane;
  select count(*), count(accepted_at), count(*) filter (where waits), count(*) filter (where token = p_token),
         count(*) filter (where waits and token = p_token)
    into open_now, open_accepted, unanswered, open_of_token, unanswered_of_token
    from (select attempt.token, attempt.accepted_at,
                 attempt.accepted_at is null and acquired_at > v_now - interval '10 seconds' as waits
            from public.job_attempts attempt
           where provider = p_provider and account = p_account and lane = p_lane and ended_at is null
             and (started_at is not null or attempt.accepted_at is not null or acquired_at > v_now - interval '1 minute')
         ) attempt;
  return next;
end
$function$;

-- Of [{ provider, endpoint, token, account, maxOpen, perMinute }], in the order of preference: whoever is free, and within
-- a provider whoever has the most room; where nobody is, whose turn comes first. The accounts stay locked until the caller
-- has written the attempt.
--   → { status: 'token', candidate } | { status: 'wait', wait_ms } | { status: 'none' }
create or replace function safelight.choose_candidate(p_model text, p_lane text, p_candidates jsonb, p_window_seconds double precision)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_window double precision := p_window_seconds * 1000;
  v_now double precision;
  v_choice record;
begin
  insert into public.provider_accounts as known (provider, account, lane, per_minute, max_open)
  select named.* from (
    select value ->> 'provider' as provider, value ->> 'account' as account, p_lane as lane,
           max((value ->> 'perMinute')::integer) as per_minute, max((value ->> 'maxOpen')::integer) as max_open
      from jsonb_array_elements(p_candidates) group by 1, 2
  ) named
   where not exists (
     select from public.provider_accounts account
      where account.provider = named.provider and account.account = named.account and account.lane = named.lane
        and (account.per_minute, account.max_open) is not distinct from (named.per_minute, named.max_open))
   order by named.provider, named.account
  on conflict (provider, account, lane) do update set per_minute = excluded.per_minute, max_open = excluded.max_open;
  perform 1 from public.provider_accounts account
   where (account.provider, account.account, account.lane) in (
     select value ->> 'provider', value ->> 'account', p_lane from jsonb_array_elements(p_candidates))
   order by account.provider, account.account for no key update;
  v_now := extract(epoch from clock_timestamp()) * 1000;

  with candidate as (
    select value, position, value ->> 'provider' as provider, value ->> 'token' as token, value ->> 'account' as account,
           min(position) over (partition by value ->> 'provider') as provider_position,
           min(value ->> 'provider') over () = max(value ->> 'provider') over ()
             and min(value ->> 'token') over () = max(value ->> 'token') over () as is_alone
      from jsonb_array_elements(p_candidates) with ordinality listed (value, position)
  ), known as (
    select candidate.*, lane.state, coalesce((lane.state ->> 'health')::double precision, 1) as health,
           whole.state ->> 'status' as account_status, own.state ->> 'status' as token_status,
           coalesce((own.state ->> 'proven')::boolean, false) as is_proven,
           coalesce((lane.state #>> '{rate,trying}')::double precision, (lane.state #>> '{rate,value}')::double precision,
                    lane.per_minute) as per_window,
           coalesce((lane.state #>> '{open,trying}')::double precision, (lane.state #>> '{open,value}')::double precision,
                    lane.max_open) as max_open,
           coalesce(extract(epoch from lane.paced_at) * 1000, 0) as paced_at,
           coalesce(extract(epoch from lane.queued_until) * 1000, 0) as queued_until,
           coalesce((lane.state ->> 'pausedUntil')::double precision, 0) as paused_until,
           greatest(safelight.rests_until(whole.state), safelight.rests_until(own.state),
                    safelight.rests_until(pair.state), safelight.rests_until(anyones.state)) as resting_until
      from candidate
      join public.provider_accounts lane
        on lane.provider = candidate.provider and lane.account = candidate.account and lane.lane = p_lane
      left join public.provider_accounts whole
        on whole.provider = candidate.provider and whole.account = candidate.account and whole.lane = ''
      left join public.provider_tokens own
        on own.provider = candidate.provider and own.token = candidate.token and own.model = ''
      left join public.provider_tokens pair
        on pair.provider = candidate.provider and pair.token = candidate.token and pair.model = p_model
      left join public.provider_tokens anyones
        on anyones.provider = candidate.provider and anyones.token = '' and anyones.model = p_model
  ), paced as (
    select known.*, busy.*, pace.pace_ms, pace.slack_ms, greatest(known.paced_at, known.paused_until + pace.slack_ms) as due_at,
           bool_or(resting_until <= v_now and health >= 0.6 and coalesce(account_status, '') <> 'exhausted'
                   and coalesce(token_status, '') <> 'suspect') over () as has_fit
      from known
      -- A little longer than a window: of two submits the later one may have the shorter way.
      cross join lateral safelight.lane_use(known.provider, known.account, p_lane, known.token, v_window / 0.985) busy
      cross join lateral (select coalesce(v_window / (0.985 * per_window), 0) as pace_ms) even
      cross join lateral (
        select even.pace_ms, (greatest(coalesce((known.state ->> 'burst')::double precision, 3),
                                       coalesce(0.08 * known.per_window, 0)) - 1) * even.pace_ms as slack_ms) pace
  ), appraised as (
    select paced.*,
           health * (1 - greatest(open_now / nullif(max_open, 0), sent / nullif(per_window, 0), 0)) as room,
           greatest(
             v_now, resting_until, paused_until,
             case when has_fit then (state ->> 'brokenUntil')::double precision end,
             case when per_window is not null then due_at - slack_ms end,
             case when sent >= per_window then v_now + pace_ms end,
             -- Full; or it was refused and is tried, one call at a time, and that one is on its way.
             case when open_now >= max_open
                    or unanswered_of_token > 0 and token_status = 'suspect'
                    or unanswered > 0 and (account_status = 'exhausted' or health < 0.6)
               then v_now + v_window / 240 end
           ) as rests_until
      from paced
  ), awaited as (
    -- A new token will be known to work, or not, in a moment: nobody goes on to a later provider meanwhile.
    select appraised.*, rests_until = v_now and not is_alone and not is_proven and unanswered_of_token > 0 as is_awaited
      from appraised
  ), freed as (
    select awaited.*, case
             when is_awaited or provider_position > min(provider_position) filter (where is_awaited) over ()
             then greatest(rests_until, v_now + v_window / 240) else rests_until end as free_at
      from awaited
  ), queued as (
    select freed.*, case when free_at = v_now then v_now else least(
             greatest(free_at, queued_until + case when pace_ms > 0 then pace_ms else v_window / 1200 end),
             free_at + v_window / 2) end as come_at
      from freed
  )
  select * into v_choice from queued order by come_at, provider_position, room desc, open_of_token, position limit 1;

  if not found or v_choice.free_at = 'infinity' then
    return jsonb_build_object('status', 'none');
  elsif v_choice.free_at > v_now then
    update public.provider_accounts account set queued_until = to_timestamp(v_choice.come_at / 1000)
     where account.provider = v_choice.provider and account.account = v_choice.account and account.lane = p_lane;
    return jsonb_build_object('status', 'wait', 'wait_ms', ceil(v_choice.come_at - v_now));
  end if;
  if v_choice.per_window is not null then
    update public.provider_accounts account
       set paced_at = to_timestamp((greatest(v_choice.due_at, v_now) + v_choice.pace_ms) / 1000)
     where account.provider = v_choice.provider and account.account = v_choice.account and account.lane = p_lane;
  end if;
  return jsonb_build_object('status', 'token', 'candidate', v_choice.value);
end
$function$;

-- ---------------------------------------------------------------------------------------------- learning
-- What an answer means for the attempt, and what is believed about the token, its account and its model when it comes:
-- the reducer says whether that changes anything. A refused attempt stays open until that is written: whoever waits for
-- this answer would otherwise go on before anybody knows it.
--   → { facts: { at, sentAt, sent, accepted, open, openAccepted, starting },
--       known: { lane, account, token, pair, model: { state, version } } }
create or replace function public.report_token(p_event jsonb, p_window_seconds double precision default 60) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_outcome text := p_event ->> 'outcome';
  v_provider text := p_event ->> 'provider';
  v_token text := p_event ->> 'token';
  v_account text := p_event ->> 'account';
  v_lane text := p_event ->> 'lane';
  v_model text := p_event ->> 'model';
  v_sent_at timestamptz;
  v_refused integer;
  v_use record;
  v_facts jsonb;
begin
  if v_outcome <> 'checked' then
    update public.job_attempts
       set accepted_at = case v_outcome when 'accepted' then coalesce(accepted_at, v_now) else accepted_at end,
           ended_at = case v_outcome when 'ended' then coalesce(ended_at, v_now) else ended_at end
     where id = (p_event ->> 'attemptId')::uuid
    returning acquired_at, (v_outcome = 'refused' and ended_at is null)::integer into v_sent_at, v_refused;
  end if;
  if v_outcome = 'ended' then
    return null;
  end if;
  select * into v_use from safelight.lane_use(v_provider, v_account, v_lane, v_token, p_window_seconds * 1000);
  select jsonb_build_object(
           'at', safelight.to_ms(v_now), 'sentAt', safelight.to_ms(coalesce(v_sent_at, v_now)), 'sent', v_use.sent,
           'accepted', v_use.accepted, 'open', greatest(v_use.open_now - coalesce(v_refused, 0), 0),
           'openAccepted', v_use.open_accepted,
           'starting', jsonb_build_object('perMinute', max(lane.per_minute), 'maxOpen', max(lane.max_open)))
    into v_facts from public.provider_accounts lane
   where lane.provider = v_provider and lane.account = v_account and lane.lane = v_lane;
  return jsonb_build_object('facts', v_facts, 'known', jsonb_strip_nulls(jsonb_build_object(
    'lane',    (select jsonb_build_object('state', state, 'version', version) from public.provider_accounts
                 where provider = v_provider and account = v_account and lane = v_lane),
    'account', (select jsonb_build_object('state', state, 'version', version) from public.provider_accounts
                 where provider = v_provider and account = v_account and lane = ''),
    'token',   (select jsonb_build_object('state', state, 'version', version) from public.provider_tokens
                 where provider = v_provider and token = v_token and model = ''),
    'pair',    (select jsonb_build_object('state', state, 'version', version) from public.provider_tokens
                 where provider = v_provider and token = v_token and model = v_model),
    'model',   (select jsonb_build_object('state', state, 'version', version) from public.provider_tokens
                 where provider = v_provider and token = '' and model = v_model))));
end
$function$;

-- Writes what an event changed: { lane, account, token, pair, model: { state, version } }, the version being the one that
-- was read. A refused attempt ends with it. False, and nothing written, where somebody was quicker with any of them: then
-- the truth is read again.
create or replace function public.learn_token(p_event jsonb, p_changes jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_subject text;
  v_change jsonb;
begin
  begin
    if p_event ->> 'outcome' = 'refused' then
      update public.job_attempts set ended_at = coalesce(ended_at, clock_timestamp())
       where id = (p_event ->> 'attemptId')::uuid;
    end if;
    for v_subject, v_change in select key, value from jsonb_each(p_changes) order by key loop
      if v_subject in ('lane', 'account') then
        insert into public.provider_accounts as known (provider, account, lane, state, version)
        values (p_event ->> 'provider', p_event ->> 'account',
                case v_subject when 'lane' then p_event ->> 'lane' else '' end, v_change -> 'state', 1)
        on conflict (provider, account, lane) do update set state = excluded.state, version = known.version + 1
         where known.version = (v_change ->> 'version')::integer;
      else
        insert into public.provider_tokens as known (provider, token, model, account, state, version)
        values (p_event ->> 'provider', case v_subject when 'model' then '' else p_event ->> 'token' end,
                case v_subject when 'token' then '' else p_event ->> 'model' end,
                case v_subject when 'model' then null else p_event ->> 'account' end, v_change -> 'state', 1)
        on conflict (provider, token, model) do update
           set state = excluded.state, account = excluded.account, version = known.version + 1
         where known.version = (v_change ->> 'version')::integer;
      end if;
      if not found then
        raise exception 'lost race: belief' using errcode = 'serialization_failure';
      end if;
    end loop;
  exception when serialization_failure then
    return to_jsonb(false);
  end;
  return to_jsonb(true);
end
$function$;

-- The tokens, each once, that jobs at a provider began with and cannot go on without.
--   → [{ provider, token }]
create function public.list_tokens_in_use(p_limit integer) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(in_use) order by provider, token), '[]')
    from (
      select distinct attempt ->> 'provider' as provider, attempt ->> 'token' as token from public.generation_jobs
       where finished_at is null and state in ('submitting', 'running', 'storing') limit p_limit
    ) in_use
$function$;

-- ---------------------------------------------------------------------------------------------- answers
-- The answer of a submit, whoever brings it. A job that still waits for this attempt moves; any other is left alone and
-- the attempt keeps the answer. The first acceptance or refusal counts.
-- A refusal that names a version counts only where the job still has it: else somebody is sending the attempt again.
--   → { moved, job, attempt }, or null where there is no such attempt
create or replace function public.record_attempt(p_attempt_id uuid, p_answer jsonb) returns jsonb
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
  if v_attempt.outcome not in ('open', 'unknown') or v_outcome = 'unknown'
     or (v_outcome = 'refused' and (p_answer ->> 'version')::integer <> v_job.version) then
    if v_attempt.outcome = 'open' and v_outcome = 'unknown' then
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

perform safelight.close_functions('list_tokens_in_use');

insert into public.safelight_migrations (version, name, checksum) values (12, '000012_token-turns', '1924a3c1ec9737c65a8230ea5133956a892c3706b94fb123240c60507e071ab8');
end
$migration$;
