-- 000005: what is known about providers: which tokens and accounts rest, what was called, what was delivered to us.
--
-- A refusal makes something rest: a token, one model of a token, a model, a provider account, or one lane of it. The
-- secret of a token is never here, only its label.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 4) then
  raise exception 'apply 000004_media.sql first';
end if;
if exists (select from public.safelight_migrations where version = 5) then
  return;
end if;

-- The lane '' stands for all lanes of the account.
create table public.provider_accounts (
  provider      text not null,
  account       text not null,
  lane          text not null check (lane in ('', 'image', 'video')),
  resting_until timestamptz not null default '-infinity',
  strikes       integer not null default 0,     -- refusals in a row
  cap           integer,                        -- open attempts at most, learned from a refusal …
  cap_until     timestamptz,                    -- … and believed until then
  primary key (provider, account, lane)
) with (fillfactor = 70);

-- The model '' stands for all models of the token, the token '' for the model whoever asks for it.
create table public.provider_tokens (
  provider      text not null,
  token         text not null,                  -- its label
  model         text not null,
  token_hash    bytea,
  resting_until timestamptz not null default '-infinity',
  strikes       integer not null default 0,
  primary key (provider, token, model)
) with (fillfactor = 70);

create table public.provider_logs (
  id         uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  provider   text not null,
  token      text not null,                     -- its label
  job_id     uuid,
  attempt_id uuid,
  action     text not null,
  status     integer,
  outcome    text not null,
  latency_ms double precision not null
);
create index provider_logs_by_time on public.provider_logs (created_at desc);
create index provider_logs_by_job on public.provider_logs (job_id);

create table public.webhook_deliveries (
  provider    text not null,
  delivery_id text not null,
  received_at timestamptz not null default now(),
  primary key (provider, delivery_id)
);
create index webhook_deliveries_by_time on public.webhook_deliveries (received_at);

-- Attempts that keep a provider account busy in a lane. One that bound a token and was never started is forgotten after
-- a minute: its process died in between.
create function safelight.open_attempts(p_provider text, p_account text, p_lane text)
returns table (attempt_id uuid, token text)
language sql volatile security definer set search_path = '' set enable_seqscan = off as $function$
  select id, token from public.job_attempts
   where provider = p_provider and account = p_account and lane = p_lane and ended_at is null
     and (started_at is not null or accepted_at is not null or acquired_at > clock_timestamp() - interval '1 minute')
$function$;

-- Of [{ provider, endpoint, token, account, maxOpen }], in the order of preference: the first that is neither resting
-- nor full, the least busy first within a provider. The accounts stay locked until the caller has written the attempt.
--   → { status: 'token', candidate } | { status: 'wait', wait_ms } | { status: 'none' }
create function safelight.choose_candidate(p_model text, p_lane text, p_candidates jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz;
  v_choice record;
begin
  insert into public.provider_accounts (provider, account, lane)
  select distinct value ->> 'provider', value ->> 'account', p_lane from jsonb_array_elements(p_candidates)
  except
  select provider, account, lane from public.provider_accounts where lane = p_lane
  on conflict do nothing;
  perform 1 from public.provider_accounts
   where (provider, account, lane) in (
     select value ->> 'provider', value ->> 'account', p_lane from jsonb_array_elements(p_candidates))
   order by provider, account for no key update;
  v_now := clock_timestamp();

  with candidate as (
    select value, position, value ->> 'provider' as provider, value ->> 'token' as token, value ->> 'account' as account,
           min(position) over (partition by value ->> 'provider') as provider_position
      from jsonb_array_elements(p_candidates) with ordinality listed (value, position)
  ), standing as (
    select candidate.value, candidate.position, candidate.provider_position, busy.of_token,
           greatest(
             (select max(resting_until) from public.provider_accounts account
               where account.provider = candidate.provider and account.account = candidate.account
                 and account.lane in ('', p_lane)),
             (select max(resting_until) from public.provider_tokens token
               where token.provider = candidate.provider
                 and (token.token, token.model) in ((candidate.token, ''), (candidate.token, p_model), ('', p_model))),
             v_now
           ) as resting_until,
           busy.of_account >= least((candidate.value ->> 'maxOpen')::integer, (
             select cap from public.provider_accounts account
              where account.provider = candidate.provider and account.account = candidate.account
                and account.lane = p_lane and account.cap_until > v_now)) as is_full
      from candidate cross join lateral (
        select count(*) as of_account, count(*) filter (where attempt.token = candidate.token) as of_token
          from safelight.open_attempts(candidate.provider, candidate.account, p_lane) attempt
      ) busy
  )
  select standing.value as candidate,
         case when resting_until = 'infinity' then null
              when resting_until > v_now then ceil(extract(epoch from resting_until - v_now)) * 1000
              when is_full then 1000            -- nobody knows when a place becomes free: ask again in a second
              else 0 end as wait_ms
    into v_choice
    from standing order by wait_ms nulls last, provider_position, of_token, position limit 1;

  if not found or v_choice.wait_ms is null then
    return jsonb_build_object('status', 'none');
  elsif v_choice.wait_ms > 0 then
    return jsonb_build_object('status', 'wait', 'wait_ms', v_choice.wait_ms);
  end if;
  return jsonb_build_object('status', 'token', 'candidate', v_choice.candidate);
end
$function$;

-- Chooses, and binds the token to the attempt. For a job store of someone else's; ours does both in begin_attempt.
create function public.acquire_token(p_attempt_id uuid, p_job_id uuid, p_model text, p_lane text, p_candidates jsonb)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_chosen jsonb := safelight.choose_candidate(p_model, p_lane, p_candidates);
begin
  if v_chosen ->> 'status' = 'token' then
    insert into public.job_attempts (id, job_id, provider, endpoint, token, account, lane)
    select p_attempt_id, (select id from public.generation_jobs where id = p_job_id),
           chosen ->> 'provider', chosen ->> 'endpoint', chosen ->> 'token', chosen ->> 'account', p_lane
      from (select v_chosen -> 'candidate' as chosen) choice;
  end if;
  return v_chosen;
end
$function$;

-- How long a refusal makes what rest: doubled each time in a row, up to the most.
create function safelight.rest_after(p_kind text) returns table (part text, seconds integer, most integer)
language sql immutable security definer set search_path = '' set enable_seqscan = off as $function$
  select rule.part, rule.seconds, rule.most from (values
    ('auth',              'token',   60,  null),
    ('permission',        'pair',    600, 600),
    ('credits_exhausted', 'account', 60,  3600),
    ('rate_limited',      'lane',    5,   60),
    ('concurrency',       'lane',    1,   1),
    ('model_unavailable', 'model',   30,  600),
    ('unreachable',       'lane',    2,   60),
    ('provider_error',    'lane',    2,   60)
  ) rule (kind, part, seconds, most) where rule.kind = p_kind
$function$;

-- What an answer said about a token, its account or its model: as TokenEvent of the contracts.
create function public.report_token(p_event jsonb) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_provider text := p_event ->> 'provider';
  v_token text := p_event ->> 'token';
  v_account text := p_event ->> 'account';
  v_lane text := p_event ->> 'lane';
  v_model text := p_event ->> 'model';
  v_kind text := p_event #>> '{refusal,kind}';
  v_retry_after double precision := (p_event #>> '{refusal,retryAfterSeconds}')::double precision;
  v_rule record;
  v_strikes integer;
  v_rests_until timestamptz;
begin
  if p_event ->> 'outcome' = 'accepted' then
    update public.job_attempts set accepted_at = coalesce(accepted_at, v_now)
     where id = (p_event ->> 'attemptId')::uuid and started_at is null;
    update public.provider_tokens set strikes = 0
     where provider = v_provider and strikes > 0 and resting_until <= v_now
       and (token, model) in ((v_token, ''), (v_token, v_model), ('', v_model));
    update public.provider_accounts set strikes = 0
     where provider = v_provider and account = v_account and lane in ('', v_lane)
       and strikes > 0 and resting_until <= v_now;
    return;
  end if;

  update public.job_attempts set ended_at = coalesce(ended_at, v_now) where id = (p_event ->> 'attemptId')::uuid;
  select * into v_rule from safelight.rest_after(v_kind);
  if not found or p_event #>> '{refusal,scope}' = 'request' then
    return;
  end if;
  if v_rule.part in ('account', 'lane') then
    v_token := null;
    v_lane := case v_rule.part when 'lane' then v_lane else '' end;
    insert into public.provider_accounts as resting (provider, account, lane, strikes)
    values (v_provider, v_account, v_lane, 1)
    on conflict (provider, account, lane) do update set strikes = resting.strikes + case
      -- Calls that were on the wire together and are refused together count once.
      when v_rule.part = 'lane' and resting.resting_until > v_now then 0 else 1 end
    returning strikes into v_strikes;
  else
    v_token := case v_rule.part when 'model' then '' else v_token end;
    v_model := case v_rule.part when 'token' then '' else v_model end;
    insert into public.provider_tokens as resting (provider, token, model, strikes)
    values (v_provider, v_token, v_model, 1)
    on conflict (provider, token, model) do update set strikes = resting.strikes + 1
    returning strikes into v_strikes;
  end if;

  v_rests_until := case
    when v_kind = 'auth' and v_strikes >= 2 then 'infinity'       -- the second 401 in a row: the key is dead
    else v_now + make_interval(secs => coalesce(v_retry_after,
      least(v_rule.most, v_rule.seconds * power(2, least(v_strikes, 20) - 1)))) end;
  if v_token is null then
    update public.provider_accounts set resting_until = greatest(resting_until, v_rests_until)
     where provider = v_provider and account = v_account and lane = v_lane;
  else
    update public.provider_tokens set resting_until = greatest(resting_until, v_rests_until)
     where provider = v_provider and token = v_token and model = v_model;
  end if;
  if v_kind = 'concurrency' then
    update public.provider_accounts
       set cap_until = v_now + interval '1 minute',
           cap = greatest(1, (select count(*) from safelight.open_attempts(v_provider, v_account, v_lane)))
     where provider = v_provider and account = v_account and lane = v_lane;
  end if;
end
$function$;

-- One row for each call, as ProviderCallRecord of the contracts.
create function public.write_provider_logs(p_calls jsonb) returns void
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  insert into public.provider_logs (created_at, provider, token, job_id, attempt_id, action, outcome, latency_ms)
  select to_timestamp((call ->> 'at')::double precision / 1000), call ->> 'provider', call ->> 'token',
         (call ->> 'jobId')::uuid, (call ->> 'attemptId')::uuid, call ->> 'action', call ->> 'outcome',
         (call ->> 'latencyMs')::double precision
    from jsonb_array_elements(p_calls) call
$function$;

perform safelight.close_tables('provider_accounts', 'provider_tokens', 'provider_logs', 'webhook_deliveries');
perform safelight.close_functions('acquire_token', 'report_token', 'write_provider_logs');

insert into public.safelight_migrations (version, name, checksum) values (5, '000005_providers', 'bad12020a953b5087125f0a04cf66e65358b846ee6632eb37ceec5b1e033ed7e');
end
$migration$;
