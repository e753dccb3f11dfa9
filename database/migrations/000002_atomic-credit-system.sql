-- 000002: money, and the jobs it is spent on.
--
-- One function changes a balance (`post_entry`), and it writes the ledger entry in the same statement. A balance is
-- never negative, entries are never changed, and every charge has a reference under which it can happen once and be
-- given back once. Locks are taken in this order: job, attempt, provider account, credit account, reference, limits.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if exists (select from public.safelight_migrations where version = 2) then
  return;
end if;

-- ---------------------------------------------------------------------------------------------- money
create table public.credit_accounts (
  user_id    uuid primary key,
  balance    bigint not null default 0 constraint balance_never_negative check (balance >= 0),
  seq        bigint not null default 0,        -- of the last entry
  created_at timestamptz not null default now()
) with (fillfactor = 70);
create policy "Users can view own account" on public.credit_accounts for select using ((select auth.uid()) = user_id);

-- What a charge and its refund have in common. A row that was closed before anything was charged is a tombstone: the
-- charge that comes late takes nothing.
create table public.credit_references (
  reference    text primary key,
  user_id      uuid,
  charged_seq  bigint,
  refunded_seq bigint,
  closed       boolean not null default false,
  constraint charge_has_its_user check (charged_seq is null or user_id is not null),
  constraint refund_has_its_charge check (refunded_seq is null or (charged_seq is not null and closed))
) with (fillfactor = 80);

-- Append-only. No prompt, no name, and no foreign key to anything that could be deleted.
create table public.credit_ledger (
  user_id       uuid not null,
  seq           bigint not null check (seq > 0),
  kind          text not null check (kind in ('grant', 'charge', 'refund', 'adjustment')),
  delta         bigint not null,
  balance_after bigint not null check (balance_after >= 0),
  reference     text not null,
  job_id        uuid,
  description   text not null,
  metadata      jsonb not null default '{}',
  created_at    timestamptz not null default clock_timestamp(),
  primary key (user_id, seq),
  constraint once_per_reference unique (reference, kind),
  constraint sign_fits_kind check (case kind
    when 'charge' then delta < 0 when 'adjustment' then delta <> 0 else delta > 0 end)
);
create policy "Users can view own ledger" on public.credit_ledger for select using ((select auth.uid()) = user_id);

create function safelight.forbid_change() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$function$;
-- At statement level, because a row trigger is silent where no row matches; always, because a session that plays a
-- replica would pass by otherwise.
create trigger ledger_is_append_only before update or delete or truncate on public.credit_ledger
  for each statement execute function safelight.forbid_change();
alter table public.credit_ledger enable always trigger ledger_is_append_only;

-- What reconciliation found, until somebody closes it.
create table public.credit_discrepancies (
  id        uuid primary key default gen_random_uuid(),
  user_id   uuid not null,
  problem   text not null,
  expected  bigint,
  found     bigint,
  found_at  timestamptz not null default now(),
  closed_at timestamptz
);
create index credit_discrepancies_open on public.credit_discrepancies (user_id) where closed_at is null;

-- ---------------------------------------------------------------------------------------------- jobs
create table public.generation_jobs (
  id               uuid primary key,
  user_id          uuid not null,
  model            text not null,
  kind             text not null check (kind in ('image', 'edit', 'video')),
  input            jsonb not null,
  price            integer not null check (price >= 0),             -- of all outputs together
  count            integer not null check (count > 0),
  idempotency_key  text,
  request_hash     text not null,
  request_id       text,
  state            text not null check (state in
    ('created', 'charged', 'submitting', 'running', 'storing', 'refunding', 'succeeded', 'failed', 'canceled')),
  version          integer not null default 1,                      -- counts moves
  revision         integer not null default 1,                      -- counts visible changes
  attempt          jsonb,                                           -- the hand-over it stands on, as in job_attempts
  operation        jsonb,
  outputs          jsonb,
  media            jsonb not null default '[]',                     -- what was delivered
  progress         jsonb,
  failure          jsonb,
  ending           text check (ending in ('failed', 'canceled')),
  refunded_credits integer not null default 0,
  troubles         jsonb,
  queue_until      timestamptz not null,
  run_until        timestamptz,
  wake_at          timestamptz not null default clock_timestamp(),
  lease_until      timestamptz,                                     -- somebody is at it; no write ever asks for it
  created_at       timestamptz not null default clock_timestamp(),
  finished_at      timestamptz,
  constraint ended_jobs_have_a_time check ((state in ('succeeded', 'failed', 'canceled')) = (finished_at is not null))
) with (fillfactor = 80);
-- A plan that was cached while a table was empty stays for a while, and on an empty table every index is as good as any
-- other. So no index holds a column that another one is for, of two that begin alike the narrower one comes last (of
-- equals the last is taken), and no lookup by id names the condition of a partial index. A test looks at these plans.
create index jobs_by_user on public.generation_jobs (user_id, created_at desc);
create unique index once_per_key on public.generation_jobs (user_id, idempotency_key) where idempotency_key is not null;
create index jobs_due on public.generation_jobs (wake_at) where finished_at is null;
create index jobs_due_by_user on public.generation_jobs (user_id, wake_at) where finished_at is null;
create index jobs_succeeded on public.generation_jobs (model, finished_at desc) where state = 'succeeded';
create policy "Users can view own jobs" on public.generation_jobs for select using ((select auth.uid()) = user_id);

-- Written before anything is sent to a provider.
create table public.job_attempts (
  id                   uuid primary key,
  job_id               uuid references public.generation_jobs (id),
  number               integer,
  provider             text not null,
  endpoint             text not null,
  token                text not null,                               -- its label, never the secret
  account              text not null,
  lane                 text not null check (lane in ('image', 'video')),
  outcome              text not null default 'open' check (outcome in ('open', 'accepted', 'refused', 'unknown', 'late')),
  operation            jsonb,
  refusal              jsonb,
  provider_request_id  text,
  provider_cost        numeric(12, 6),
  provider_cost_source text,
  acquired_at          timestamptz not null default clock_timestamp(),
  started_at           timestamptz,                                 -- null: a token is bound, nothing is handed over yet
  accepted_at          timestamptz,
  cancel_asked_at      timestamptz,
  ended_at             timestamptz,                                 -- from here on its token is free
  constraint started_attempts_have_a_job check (started_at is null or (job_id is not null and number is not null))
) with (fillfactor = 80);
create index attempts_of_job on public.job_attempts (job_id, number);
create index attempts_open on public.job_attempts (provider, account, lane) where ended_at is null;

-- A token is busy because open attempts name it: there is nothing to return, and nothing to forget.
create function safelight.end_attempt() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  update public.job_attempts set ended_at = coalesce(ended_at, clock_timestamp())
   where id = (old.attempt ->> 'id')::uuid;
  return null;
end
$function$;
create trigger attempt_ends_with_its_state after update of state on public.generation_jobs for each row
  when (old.state in ('submitting', 'running') and new.state not in ('submitting', 'running'))
  execute function safelight.end_attempt();

-- ---------------------------------------------------------------------------------------------- the ledger's functions
-- The only statement that changes a balance. Null where there is no account, too little on it, or such an entry already:
-- then the caller has to give up its transaction.
create function safelight.post_entry(p_user_id uuid, p_kind text, p_delta bigint, p_reference text, p_job_id uuid,
                                     p_description text, p_metadata jsonb)
returns public.credit_ledger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_entry public.credit_ledger;
begin
  with account as (
    update public.credit_accounts set balance = balance + p_delta, seq = seq + 1
     where user_id = p_user_id and balance + p_delta >= 0
    returning balance, seq
  )
  insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, job_id, description, metadata)
  select p_user_id, account.seq, p_kind, p_delta, account.balance, p_reference, p_job_id, p_description, p_metadata
    from account
  on conflict do nothing returning * into v_entry;
  return v_entry;
end
$function$;

-- Takes p_amount once under p_reference. A reference that was closed by a refund takes nothing any more.
create function public.charge_credits(p_user_id uuid, p_amount bigint, p_reference text, p_job_id uuid,
                                      p_description text, p_metadata jsonb)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_balance bigint;
  v_reference public.credit_references;
  v_entry public.credit_ledger;
  v_outcome text;
begin
  select balance into v_balance from public.credit_accounts where user_id = p_user_id for no key update;
  select * into v_reference from public.credit_references where reference = p_reference for no key update;
  if p_amount is null or p_amount <= 0 or p_reference is null then
    v_outcome := 'invalid';
  elsif v_reference.reference is not null then
    select * into v_entry from public.credit_ledger
     where user_id = v_reference.user_id and seq = v_reference.charged_seq;
    v_outcome := case
      when v_entry.user_id <> p_user_id or v_entry.delta <> -p_amount then 'conflict'
      when v_reference.closed then 'refunded'
      when v_entry.user_id is null then 'conflict'
      else 'replayed'
    end;
  elsif v_balance is null then
    v_outcome := 'no_account';
  elsif v_balance < p_amount then
    v_outcome := 'insufficient_credits';
  else
    v_entry := safelight.post_entry(p_user_id, 'charge', -p_amount, p_reference, p_job_id,
                                    coalesce(p_description, ''), coalesce(p_metadata, '{}'));
    insert into public.credit_references (reference, user_id, charged_seq)
    select p_reference, p_user_id, v_entry.seq where v_entry.seq is not null on conflict do nothing;
    if not found then
      raise exception 'lost race: reference %', p_reference using errcode = 'serialization_failure';
    end if;
    v_balance := v_entry.balance_after;
    v_outcome := 'charged';
  end if;
  return jsonb_build_object('outcome', v_outcome, 'balance', coalesce(v_balance, 0), 'reference', p_reference);
end
$function$;

-- The charge of one job. Without a job it is a charge by hand, under a reference of its own.
create function public.atomic_charge_credits(p_user_id uuid, p_operation_type text, p_amount integer,
                                             p_description text, p_metadata jsonb, p_job_id uuid)
returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  select public.charge_credits(p_user_id, p_amount, coalesce(p_job_id::text, 'manual:' || gen_random_uuid()), p_job_id,
    p_description,
    coalesce(p_metadata, '{}') || jsonb_strip_nulls(jsonb_build_object(
      'operation', p_operation_type, 'manual', case when p_job_id is null then true end)))
$function$;

-- Gives back p_amount of the charge under p_reference, or all of it, and closes the reference: one refund, ever. How
-- much there is to give back is read from the ledger. With nothing charged it only closes, so that no charge can follow.
create function public.refund_charge(p_reference text, p_amount bigint, p_reason text, p_metadata jsonb)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_balance bigint;
  v_reference public.credit_references;
  v_charge public.credit_ledger;
  v_refund public.credit_ledger;
  v_outcome text := 'refunded';
  v_amount bigint;
begin
  -- Looked up without a lock, because the account comes before the reference.
  select * into v_reference from public.credit_references where reference = p_reference;
  if not found then
    insert into public.credit_references (reference, closed) values (p_reference, true) on conflict do nothing;
    if not found then
      raise exception 'lost race: reference %', p_reference using errcode = 'serialization_failure';
    end if;
    return jsonb_build_object('outcome', 'nothing_charged', 'refunded', 0, 'balance', null);
  end if;
  select balance into v_balance from public.credit_accounts where user_id = v_reference.user_id for no key update;
  select * into v_reference from public.credit_references where reference = p_reference for no key update;
  select * into v_charge from public.credit_ledger
   where user_id = v_reference.user_id and seq = v_reference.charged_seq;
  if v_charge.seq is null then
    v_outcome := 'nothing_charged';
  elsif v_reference.closed then
    v_outcome := 'replayed';
    select * into v_refund from public.credit_ledger
     where user_id = v_reference.user_id and seq = v_reference.refunded_seq;
  else
    v_amount := least(-v_charge.delta, greatest(0, coalesce(p_amount, -v_charge.delta)));
    if v_amount > 0 then
      v_refund := safelight.post_entry(v_charge.user_id, 'refund', v_amount, p_reference, v_charge.job_id,
                                       coalesce(p_reason, ''), coalesce(p_metadata, '{}'));
      if v_refund.seq is null then
        raise exception 'lost race: refund of %', p_reference using errcode = 'serialization_failure';
      end if;
      v_balance := v_refund.balance_after;
    end if;
  end if;
  update public.credit_references set closed = true, refunded_seq = v_refund.seq
   where reference = p_reference and not closed;
  return jsonb_build_object('outcome', v_outcome, 'refunded', coalesce(v_refund.delta, 0), 'balance', v_balance);
end
$function$;

-- What is left of the charge.
create function public.refund_credits(p_reference text, p_reason text, p_metadata jsonb default '{}') returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  select public.refund_charge(p_reference, null, p_reason, p_metadata)
$function$;

-- Adds credits once per reference, and makes the account where there is none.
create function safelight.grant_once(p_user_id uuid, p_amount bigint, p_reference text, p_description text)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_balance bigint;
  v_entry public.credit_ledger;
begin
  if p_user_id is null or p_reference is null or p_amount is null or p_amount <= 0 then
    select balance into v_balance from public.credit_accounts where user_id = p_user_id;
    return jsonb_build_object('outcome', 'invalid', 'balance', coalesce(v_balance, 0));
  end if;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict do nothing;
  select balance into v_balance from public.credit_accounts where user_id = p_user_id for no key update;
  select * into v_entry from public.credit_ledger where reference = p_reference and kind = 'grant';
  if found then
    return jsonb_build_object('balance', v_balance, 'outcome', case
      when v_entry.user_id = p_user_id and v_entry.delta = p_amount then 'replayed' else 'conflict' end);
  end if;
  v_entry := safelight.post_entry(p_user_id, 'grant', p_amount, p_reference, null, coalesce(p_description, ''), '{}');
  if v_entry.seq is null then
    -- Somebody else's account was given this grant a moment ago.
    raise exception 'lost race: grant %', p_reference using errcode = 'serialization_failure';
  end if;
  return jsonb_build_object('outcome', 'granted', 'balance', v_entry.balance_after);
end
$function$;

create function public.grant_credits(p_user_id uuid, p_amount bigint, p_key text, p_description text) returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  select safelight.grant_once(p_user_id, p_amount, 'grant:' || p_key, p_description)
$function$;

create function public.read_balance(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select to_jsonb(coalesce((select balance from public.credit_accounts where user_id = p_user_id), 0))
$function$;

-- Newest first; p_before is the seq of the last entry that was seen.
create function public.list_ledger(p_user_id uuid, p_limit integer, p_before bigint) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(entry) order by entry.seq desc), '[]') from (
    select * from public.credit_ledger
     where user_id = p_user_id and (p_before is null or seq < p_before)
     order by seq desc limit p_limit
  ) entry
$function$;

perform safelight.close_tables('credit_accounts', 'credit_references', 'credit_ledger', 'credit_discrepancies',
                               'generation_jobs', 'job_attempts');
perform safelight.close_functions('charge_credits', 'atomic_charge_credits', 'refund_charge', 'refund_credits',
                                  'grant_credits', 'read_balance', 'list_ledger');
perform safelight.let_users_read('credit_accounts', 'balance');
perform safelight.let_users_read('credit_ledger', 'user_id', 'seq', 'kind', 'delta', 'balance_after', 'reference',
                                 'job_id', 'description', 'created_at');
perform safelight.let_users_read('generation_jobs', 'id', 'user_id', 'model', 'kind', 'state', 'price', 'created_at',
                                 'finished_at');

insert into public.safelight_migrations (version, name, checksum) values (2, '000002_atomic-credit-system', '5918773cc3bfd7faa39ef75f773a8963f574a3e7982bcd9329bf4f9bee2de9aa');
end
$migration$;
