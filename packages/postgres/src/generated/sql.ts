// Generated from /database by packages/postgres/dev/generate.ts. Do not edit.
export interface Migration {
  version: number
  name: string
  checksum: string
  sql: string
}

export const shim = `-- What Supabase has and a plain Postgres lacks: the roles of its API, and the schema \`auth\` with its users.
-- Applied before the migrations, and only where something is missing: a schema \`auth\` that was made by anybody else is
-- never touched. On Supabase this file does nothing.
do $shim$
declare
  v_role text;
  v_made_service_role boolean := false;
begin
  perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));

  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    begin
      continue when exists (select from pg_catalog.pg_roles where rolname = v_role);
      execute format('create role %I nologin noinherit', v_role);
      v_made_service_role := v_made_service_role or v_role = 'service_role';
    exception
      -- Roles belong to the whole server: the migrations of another of its databases may have been quicker.
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then
        raise notice 'safelight: cannot create the role %, so nothing will be granted to it', v_role;
    end;
  end loop;
  begin
    if v_made_service_role then
      alter role service_role bypassrls;
    end if;
  exception when insufficient_privilege then
    raise notice 'safelight: service_role cannot bypass row security here; it works through the functions alone';
  end;

  if to_regnamespace('auth') is not null then
    return;
  end if;

  create schema auth;
  comment on schema auth is 'made by safelight';

  create table auth.users (
    id                 uuid primary key default gen_random_uuid(),
    email              text unique,
    email_confirmed_at timestamptz,
    raw_user_meta_data jsonb not null default '{}',
    raw_app_meta_data  jsonb not null default '{}',
    created_at         timestamptz not null default now()
  );
  alter table auth.users enable row level security;
  revoke all on auth.users from public;

  -- The claims of the caller's access token, as PostgREST sets them for each request.
  create function auth.jwt() returns jsonb language sql stable set search_path = '' as $$
    select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb
  $$;
  create function auth.uid() returns uuid language sql stable set search_path = '' as $$
    select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), auth.jwt() ->> 'sub')::uuid
  $$;
  create function auth.role() returns text language sql stable set search_path = '' as $$
    select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''), auth.jwt() ->> 'role')
  $$;

  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    continue when not exists (select from pg_catalog.pg_roles where rolname = v_role);
    execute format('revoke all on auth.users from %I', v_role);
    execute format('grant usage on schema auth to %I', v_role);
    execute format('grant execute on function auth.jwt(), auth.uid(), auth.role() to %I', v_role);
  end loop;
end
$shim$;
`

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: '000001_foundation',
    checksum: 'b23626bc0d5c01a4f53d95c3fe3e762fb84c3f908f370437bbded06a8b7999a4',
    sql: `-- 000001: which migrations are here, how privileges are closed, settings, people, and what watches over the rest.
--
-- Every migration is one statement: it is applied whole or not at all, wherever it is pasted, and waits for whoever is
-- applying one at the same moment. A migration that is already here does nothing.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('auth.users') is null or to_regprocedure('auth.uid()') is null then
  raise exception 'apply database/platform/shim.sql first: there is no auth.users or no auth.uid()';
end if;
if to_regclass('public.safelight_migrations') is not null then
  if exists (select from public.safelight_migrations where version = 1) then
    return;
  end if;
end if;

create table public.safelight_migrations (
  version    integer primary key,
  name       text not null unique,
  checksum   text not null,
  breaking   boolean not null default false,   -- code that is older than this migration must not run on it
  applied_at timestamptz not null default now()
);

-- Helpers and triggers live here; PostgREST shows \`public\` alone.
create schema safelight;
revoke all on schema safelight from public;

-- ---------------------------------------------------------------------------------------------- closed by default
-- Platforms differ in what a new table or function grants to whom: old Supabase projects everything to everyone by
-- name, new ones nothing even to service_role, and Postgres itself lets PUBLIC execute any function. So nothing is left
-- to a default. Roles that cannot exist on a platform are passed over.

-- Those of these roles that exist, for a grant or revoke; null where none does.
create function safelight.roles(variadic p_names text[]) returns text
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select string_agg(quote_ident(name), ', ')
    from unnest(p_names) name
   where exists (select from pg_catalog.pg_roles where rolname = name)
$function$;

-- Row security on, no access for anyone; service_role may look.
create function safelight.close_tables(variadic p_names text[]) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_roles text := safelight.roles('anon', 'authenticated', 'service_role');
  v_name text;
begin
  foreach v_name in array p_names loop
    execute format('alter table public.%I enable row level security', v_name);
    execute format('revoke all on public.%I from public', v_name);
    if v_roles is not null then
      execute format('revoke all on public.%I from %s', v_name, v_roles);
    end if;
    if safelight.roles('service_role') is not null then
      execute format('grant select on public.%I to service_role', v_name);
    end if;
  end loop;
end
$function$;

-- Only service_role may execute these functions of \`public\`; nobody at all those of \`safelight\`.
create function safelight.close_functions(variadic p_names text[]) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_roles text := safelight.roles('anon', 'authenticated', 'service_role');
  v_function regprocedure;
begin
  for v_function in
    select f.oid::regprocedure from pg_catalog.pg_proc f
     where f.pronamespace = 'safelight'::regnamespace
        or (f.pronamespace = 'public'::regnamespace and f.proname = any (p_names))
  loop
    execute format('revoke all on function %s from public', v_function);
    if v_roles is not null then
      execute format('revoke all on function %s from %s', v_function, v_roles);
    end if;
  end loop;
  for v_function in
    select f.oid::regprocedure from pg_catalog.pg_proc f
     where f.pronamespace = 'public'::regnamespace and f.proname = any (p_names)
       and safelight.roles('service_role') is not null
  loop
    execute format('grant execute on function %s to service_role', v_function);
  end loop;
end
$function$;

-- These columns, and with row security only the user's own rows.
create function safelight.let_users_read(p_table text, variadic p_columns text[]) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  if safelight.roles('authenticated') is not null then
    execute format('grant select (%s) on public.%I to authenticated',
      (select string_agg(quote_ident(name), ', ') from unnest(p_columns) name), p_table);
  end if;
end
$function$;

-- ---------------------------------------------------------------------------------------------- settings
create table public.app_settings (
  setting_key   text primary key,
  setting_value jsonb not null,
  updated_at    timestamptz not null default now(),
  -- Settings are read inside admission: a value that does not fit is refused here, not found out there.
  constraint setting_fits check (case setting_key
    when 'app_enabled'          then jsonb_typeof(setting_value) = 'boolean'
    when 'disabled_models'      then jsonb_typeof(setting_value) = 'array'
    when 'limits'               then jsonb_typeof(setting_value) = 'object'
      and setting_value ?& array['userPerMinute', 'ipPerMinute', 'windowSeconds']
      and (setting_value ->> 'userPerMinute')::integer between 1 and 1000
      and (setting_value ->> 'ipPerMinute')::integer between 1 and 1000
      and (setting_value ->> 'windowSeconds')::integer between 1 and 86400
    when 'signup_bonus'         then jsonb_typeof(setting_value) = 'number'
      and (setting_value #>> '{}')::integer between 0 and 1000000000
    when 'retention_days'       then jsonb_typeof(setting_value) = 'number'
      and (setting_value #>> '{}')::integer between 1 and 36500
    when 'free_cancels_per_day' then jsonb_typeof(setting_value) = 'number'
      and (setting_value #>> '{}')::integer between 0 and 1000
    else true
  end)
);
insert into public.app_settings (setting_key, setting_value) values
  ('app_enabled', 'true'),
  ('disabled_models', '[]'),
  ('limits', '{"userPerMinute": 10, "ipPerMinute": 20, "windowSeconds": 60}'),
  ('signup_bonus', '3000'),
  ('retention_days', '30'),
  ('free_cancels_per_day', '10');

create function public.read_settings() returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_object_agg(setting_key, setting_value), '{}') from public.app_settings
$function$;

-- Changes the settings that are named, and answers all of them.
create function public.write_settings(p_change jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  insert into public.app_settings as setting (setting_key, setting_value)
  select change.key, change.value from jsonb_each(p_change) change order by change.key
  on conflict (setting_key) do update set setting_value = excluded.setting_value, updated_at = now();
  return public.read_settings();
end
$function$;

-- ---------------------------------------------------------------------------------------------- people, watching
-- The only table that goes with its user.
create table public.profiles (
  user_id    uuid primary key references auth.users (id) on delete cascade,
  name       text,
  role       text not null default 'user' check (role in ('user', 'admin')),
  created_at timestamptz not null default now()
);
create policy "Users can view own profile" on public.profiles for select using ((select auth.uid()) = user_id);

create table public.api_keys (
  id           uuid primary key,
  user_id      uuid not null,
  name         text not null,
  prefix       text not null,
  key_hash     bytea not null unique,          -- the key itself is shown once and kept nowhere
  created_at   timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at   timestamptz
);
create index api_keys_by_user on public.api_keys (user_id, created_at desc);

create table public.audit_log (
  id         uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  actor      uuid,                             -- null: an operator at the database or the command line
  action     text not null,
  subject    text,
  details    jsonb not null default '{}'
);
create index audit_log_by_time on public.audit_log (created_at desc);

-- Which migrations are here, for code that wants to know whether it may run.
create function public.read_migrations() returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(migration) order by version), '[]') from public.safelight_migrations migration
$function$;

perform safelight.close_tables('safelight_migrations', 'app_settings', 'profiles', 'api_keys', 'audit_log');
perform safelight.close_functions('read_settings', 'write_settings', 'read_migrations');
perform safelight.let_users_read('profiles', 'user_id', 'name', 'role', 'created_at');

insert into public.safelight_migrations (version, name, checksum) values (1, '000001_foundation', 'b23626bc0d5c01a4f53d95c3fe3e762fb84c3f908f370437bbded06a8b7999a4');
end
$migration$;
`,
  },
  {
    version: 2,
    name: '000002_atomic-credit-system',
    checksum: '5918773cc3bfd7faa39ef75f773a8963f574a3e7982bcd9329bf4f9bee2de9aa',
    sql: `-- 000002: money, and the jobs it is spent on.
--
-- One function changes a balance (\`post_entry\`), and it writes the ledger entry in the same statement. A balance is
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
`,
  },
  {
    version: 3,
    name: '000003_add-rate-limiting',
    checksum: '2d3a05b99c620e1df53331415b9af79178471a4599d00c82a8397d3a1a4f4292',
    sql: `-- 000003: rate limits. Never more than so many hits in any window, not one, and not at the edge of a minute either.
--
-- A key is one row with the instants of its last hits. A refusal reads once and writes nothing. Whoever takes from
-- several keys takes from all of them or from none.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 2) then
  raise exception 'apply 000002_atomic-credit-system.sql first';
end if;
if exists (select from public.safelight_migrations where version = 3) then
  return;
end if;

create table public.rate_limits (
  key        text primary key,                  -- and no other index: a hit stays one small update in place
  hits       timestamptz[] not null,            -- oldest first, at most as many as the limit allows
  expires_at timestamptz not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Whether these hits leave no room for another one.
create function safelight.is_full(p_hits timestamptz[], p_max integer, p_window_seconds integer) returns boolean
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return p_max < 1 or coalesce(
    p_hits[cardinality(p_hits) - p_max + 1] > clock_timestamp() - make_interval(secs => p_window_seconds), false);
end
$function$;

-- Where somebody with these hits stands. \`resets_in_ms\` is when there will be room for one more than now.
create function safelight.limit_state(p_name text, p_hits timestamptz[], p_max integer, p_window_seconds integer)
returns jsonb
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_window interval := make_interval(secs => p_window_seconds);
  v_last integer := coalesce(cardinality(p_hits), 0);
  v_first integer := 1;                         -- of those inside the window
  v_leaves timestamptz;
begin
  while p_hits[v_first] <= v_now - v_window loop
    v_first := v_first + 1;
  end loop;
  v_leaves := case when p_max < 1 then v_now else p_hits[greatest(v_first, v_last - p_max + 1)] end;
  return jsonb_build_object(
    'name', p_name, 'max', p_max, 'window_seconds', p_window_seconds,
    'remaining', greatest(0, p_max - (v_last - v_first + 1)),
    'resets_in_ms', coalesce(ceil(date_part('epoch', v_leaves + v_window - v_now) * 1000), 0));
end
$function$;

-- One hit on every key; false where one of them is full, and then the caller undoes the others by giving up its
-- transaction. The clock is read again behind each row lock, so that hits stay in order however long the wait was.
create function safelight.take_hits(p_keys text[], p_maxima integer[], p_windows integer[]) returns boolean
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_taken integer;
begin
  insert into public.rate_limits as bucket (key, hits, expires_at)
  select key, array[clock_timestamp()],
         clock_timestamp() + make_interval(secs => p_windows[array_position(p_keys, key)])
    from unnest(p_keys) key order by key        -- everybody locks in this order
  on conflict (key) do update
     set hits = (bucket.hits || clock_timestamp())
           [greatest(1, cardinality(bucket.hits) + 2 - p_maxima[array_position(p_keys, bucket.key)]):],
         expires_at = greatest(bucket.expires_at, excluded.expires_at)
   where not safelight.is_full(bucket.hits, p_maxima[array_position(p_keys, bucket.key)],
                               p_windows[array_position(p_keys, bucket.key)]);
  get diagnostics v_taken = row_count;
  return v_taken = cardinality(p_keys);
end
$function$;

-- Where the caller stands with each of [{ key, name, max, windowSeconds }], in their order. Takes nothing.
create function public.peek_rate_limits(p_limits jsonb) returns jsonb
language sql volatile security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(safelight.limit_state(
           wanted.value ->> 'name', bucket.hits,
           (wanted.value ->> 'max')::integer, (wanted.value ->> 'windowSeconds')::integer) order by wanted.position), '[]')
    from jsonb_array_elements(p_limits) with ordinality wanted (value, position)
    left join public.rate_limits bucket on bucket.key = wanted.value ->> 'key'
$function$;

-- One from every bucket or from none.
create function public.take_rate_limits(p_limits jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_states jsonb := public.peek_rate_limits(p_limits);
  v_wait_ms bigint := (
    select max((state ->> 'resets_in_ms')::bigint) from jsonb_array_elements(v_states) state
     where state -> 'remaining' = '0');
begin
  if (select count(*) > count(distinct value ->> 'key') or max((value ->> 'max')::integer) > 10000
        from jsonb_array_elements(p_limits)) then
    raise exception 'limits have keys of their own and allow at most 10000' using errcode = 'invalid_parameter_value';
  end if;
  if v_wait_ms is not null then
    return jsonb_build_object('allowed', false, 'retry_after_ms', v_wait_ms, 'limits', v_states);
  end if;
  if not safelight.take_hits(
    array(select value ->> 'key' from jsonb_array_elements(p_limits)),
    array(select (value ->> 'max')::integer from jsonb_array_elements(p_limits)),
    array(select (value ->> 'windowSeconds')::integer from jsonb_array_elements(p_limits))
  ) then
    raise exception 'lost race: rate limits' using errcode = 'serialization_failure';
  end if;
  return jsonb_build_object('allowed', true, 'retry_after_ms', 0, 'limits', public.peek_rate_limits(p_limits));
end
$function$;

-- One from one bucket. A lost race writes nothing here, so it is simply looked at again.
create function public.check_rate_limit(p_key text, p_max_requests integer, p_window_seconds integer) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_hits timestamptz[];
  v_state jsonb;
  v_allowed boolean := false;
begin
  if p_key is null or coalesce(p_max_requests, -1) not between 0 and 10000
     or coalesce(p_window_seconds, 0) not between 1 and 31622400 then
    raise exception 'a rate limit is 0 to 10000 requests in 1 second to 366 days'
      using errcode = 'invalid_parameter_value';
  end if;
  loop
    select hits into v_hits from public.rate_limits where key = p_key;
    v_state := safelight.limit_state(p_key, v_hits, p_max_requests, p_window_seconds);
    exit when v_allowed or v_state -> 'remaining' = '0';
    v_allowed := safelight.take_hits(array[p_key], array[p_max_requests], array[p_window_seconds]);
  end loop;
  return jsonb_build_object(
    'allowed', v_allowed, 'limit', p_max_requests, 'remaining', v_state -> 'remaining',
    'retry_after_ms', case when v_allowed then 0 else (v_state ->> 'resets_in_ms')::bigint end);
end
$function$;

-- Keys that nobody has used for as long as their window. At most 50,000 in one call: the rest is for the next one.
create function public.cleanup_expired_rate_limits() returns integer
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_deleted integer;
begin
  delete from public.rate_limits where key in (
    select key from public.rate_limits where expires_at <= clock_timestamp()
     order by expires_at limit 50000 for update skip locked);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$;

perform safelight.close_tables('rate_limits');
perform safelight.close_functions('peek_rate_limits', 'take_rate_limits', 'check_rate_limit',
                                  'cleanup_expired_rate_limits');

insert into public.safelight_migrations (version, name, checksum) values (3, '000003_add-rate-limiting', '2d3a05b99c620e1df53331415b9af79178471a4599d00c82a8397d3a1a4f4292');
end
$migration$;
`,
  },
  {
    version: 4,
    name: '000004_media',
    checksum: '8060926d845858263c1ee06ef581111866ec6080362869d7c399ec6e7863954b',
    sql: `-- 000004: media, one partition for each kind, and the links that share them.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 3) then
  raise exception 'apply 000003_add-rate-limiting.sql first';
end if;
if exists (select from public.safelight_migrations where version = 4) then
  return;
end if;

create table public.media (
  id           uuid not null,
  kind         text not null check (kind in ('image', 'edit', 'video', 'upload')),
  user_id      uuid not null,
  job_id       uuid,
  index        integer not null default 0,
  storage_key  text not null,
  content_type text not null,
  bytes        bigint not null check (bytes > 0),
  width        integer,
  height       integer,
  duration     double precision,                -- in seconds
  hash         text not null,                   -- SHA-256 of the bytes, in hex
  placeholder  text,
  saved        boolean not null default false,
  starred      boolean not null default false,
  expires_at   timestamptz,
  archived_at  timestamptz,                     -- the bytes are gone, the row tells that they were there
  deleted_at   timestamptz,
  created_at   timestamptz not null default clock_timestamp(),
  primary key (kind, id),
  unique (kind, job_id, index)                  -- storing an output twice is storing it once
) partition by list (kind);
create table public.images        partition of public.media for values in ('image');
create table public.edited_images partition of public.media for values in ('edit');
create table public.videos        partition of public.media for values in ('video');
create table public.uploads       partition of public.media for values in ('upload');

create index media_by_id on public.media (id);
create index media_by_user on public.media (user_id, created_at desc);
create index media_by_job on public.media (job_id, index);
create index media_expired on public.media (expires_at) where archived_at is null;

-- A partition that is read directly does not inherit the policies of its parent: each has its own.
create policy "Users can view own media" on public.media for select using ((select auth.uid()) = user_id);
create policy "Users can view own images" on public.images for select using ((select auth.uid()) = user_id);
create policy "Users can view own edits" on public.edited_images for select using ((select auth.uid()) = user_id);
create policy "Users can view own videos" on public.videos for select using ((select auth.uid()) = user_id);
create policy "Users can view own uploads" on public.uploads for select using ((select auth.uid()) = user_id);

create table public.shares (
  code       text primary key,
  user_id    uuid not null,
  media_kind text not null,
  media_id   uuid not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  foreign key (media_kind, media_id) references public.media (kind, id)
);
create index shares_of_media on public.shares (media_kind, media_id);
create index shares_by_user on public.shares (user_id, created_at desc);

-- A file as the store describes it, under an id; the row that is already there where it was added before.
create function public.add_media(p_id uuid, p_user_id uuid, p_kind text, p_job_id uuid, p_index integer, p_file jsonb,
                                 p_expires_at double precision)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_media public.media;
begin
  select * into v_media from public.media
   where id = p_id or (p_job_id is not null and job_id = p_job_id and index = p_index)
   order by (id = p_id) desc limit 1;
  if found then
    return to_jsonb(v_media);
  end if;
  insert into public.media (id, kind, user_id, job_id, index, storage_key, content_type, bytes, width, height, duration,
                            hash, expires_at)
  values (p_id, p_kind, p_user_id, p_job_id, p_index, p_file ->> 'key', p_file ->> 'contentType',
          (p_file ->> 'bytes')::bigint, (p_file ->> 'width')::integer, (p_file ->> 'height')::integer,
          (p_file ->> 'durationSeconds')::double precision, p_file ->> 'hash', to_timestamp(p_expires_at / 1000))
  on conflict do nothing returning * into v_media;
  if not found then
    raise exception 'lost race: media %', p_id using errcode = 'serialization_failure';
  end if;
  return to_jsonb(v_media);
end
$function$;

create function public.find_media(p_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select to_jsonb(media) from public.media where id = p_id
$function$;

create function public.list_media_of_jobs(p_job_ids jsonb) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(media) order by media.index, media.created_at), '[]')
    from public.media
   where media.job_id in (select value::uuid from jsonb_array_elements_text(p_job_ids)) and media.deleted_at is null
$function$;

-- Newest first. A null filter lets everything through; p_search looks into the prompt of the job.
create function public.list_media(p_user_id uuid, p_kind text, p_saved boolean, p_starred boolean, p_search text,
                                  p_limit integer, p_before_at timestamptz, p_before_id uuid)
returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(page) order by page.created_at desc, page.id desc), '[]') from (
    select media.* from public.media
     where media.user_id = p_user_id and media.deleted_at is null
       and (p_before_at is null or (media.created_at, media.id) < (p_before_at, p_before_id))
       and (p_kind is null or media.kind = p_kind)
       and (p_saved is null or media.saved = p_saved)
       and (p_starred is null or media.starred = p_starred)
       and (p_search is null or exists (
         select from public.generation_jobs job
          where job.id = media.job_id and strpos(lower(job.input ->> 'prompt'), lower(p_search)) > 0))
     order by media.created_at desc, media.id desc limit p_limit
  ) page
$function$;

-- Null where it is not this user's. What is saved does not expire.
create function public.change_media(p_id uuid, p_user_id uuid, p_saved boolean, p_starred boolean, p_deleted boolean)
returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  update public.media
     set saved = coalesce(p_saved, saved),
         starred = coalesce(p_starred, starred),
         expires_at = case when p_saved then null else expires_at end,
         deleted_at = case when p_deleted then coalesce(deleted_at, clock_timestamp())
                           when p_deleted is null then deleted_at end
   where id = p_id and user_id = p_user_id
  returning to_jsonb(media)
$function$;

perform safelight.close_tables('media', 'images', 'edited_images', 'videos', 'uploads', 'shares');
perform safelight.close_functions('add_media', 'find_media', 'list_media_of_jobs', 'list_media', 'change_media');
perform safelight.let_users_read(name, 'id', 'kind', 'user_id', 'job_id', 'content_type', 'bytes', 'width',
                                 'height', 'duration', 'saved', 'expires_at', 'created_at')
   from unnest(array['media', 'images', 'edited_images', 'videos', 'uploads']) name;

insert into public.safelight_migrations (version, name, checksum) values (4, '000004_media', '8060926d845858263c1ee06ef581111866ec6080362869d7c399ec6e7863954b');
end
$migration$;
`,
  },
  {
    version: 5,
    name: '000005_providers',
    checksum: 'bad12020a953b5087125f0a04cf66e65358b846ee6632eb37ceec5b1e033ed7e',
    sql: `-- 000005: what is known about providers: which tokens and accounts rest, what was called, what was delivered to us.
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
`,
  },
  {
    version: 6,
    name: '000006_job-lifecycle',
    checksum: 'cdc17507dce73d48d8d9c5f4f6ac6dd61ced8d2bdf19e2e928860160ef9986a2',
    sql: `-- 000006: the life of a job, one call for each thing that can happen to it.
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
-- Writes the attempt and moves \`charged\` → \`submitting\`. Null, and nothing written, where the move was lost.
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
`,
  },
  {
    version: 7,
    name: '000007_admission-and-settlement',
    checksum: '7db9bba3eac6a6587acf102f2de88b190eb03d98e8add39759298de5a19cd855',
    sql: `-- 000007: the three calls in which money, limits and jobs meet, each one round trip and one transaction.
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

-- Chooses a token and writes the attempt under the lock of the provider account, and moves \`charged\` → \`submitting\`.
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
`,
  },
  {
    version: 8,
    name: '000008_sign-up',
    checksum: 'e71a7abaa9d09b8b76bfae203b8a3de6461df0f02a097582ab398b5475be6731',
    sql: `-- 000008: people come in. Whoever has a verified e-mail is given the sign-up bonus, once per person.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 7) then
  raise exception 'apply 000007_admission-and-settlement.sql first';
end if;
if exists (select from public.safelight_migrations where version = 8) then
  return;
end if;

create table public.signup_bonuses (
  email_hash bytea primary key,                 -- SHA-256 of the normalised address: it outlives the account
  user_id    uuid not null,
  granted_at timestamptz not null default now()
);
create index signup_bonuses_by_user on public.signup_bonuses (user_id);

-- One person has many spellings: case, "+anything", and at Gmail dots.
create function safelight.email_hash(p_email text) returns bytea
language sql immutable security definer set search_path = '' set enable_seqscan = off as $function$
  select sha256(convert_to(case
      when domain in ('gmail.com', 'googlemail.com') then replace(name, '.', '') || '@gmail.com'
      else name || '@' || domain end, 'UTF8'))
    from (
      select split_part(regexp_replace(lower(trim(p_email)), '@[^@]*$', ''), '+', 1) as name,
             substring(lower(trim(p_email)) from '@([^@]*)$') as domain
    ) address
$function$;

-- A profile and an account for everybody, the bonus where the e-mail is verified.
create function safelight.welcome(p_user_id uuid, p_name text, p_verified_email text) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_bonus bigint := (select (setting_value #>> '{}')::bigint from public.app_settings where setting_key = 'signup_bonus');
begin
  insert into public.profiles (user_id, name) values (p_user_id, p_name) on conflict do nothing;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict do nothing;
  if p_verified_email is null or coalesce(v_bonus, 0) = 0 then
    return;
  end if;
  insert into public.signup_bonuses (email_hash, user_id)
  values (safelight.email_hash(p_verified_email), p_user_id) on conflict do nothing;
  if found then
    perform safelight.grant_once(p_user_id, v_bonus, 'signup:' || p_user_id, 'Sign-up bonus');
  end if;
end
$function$;

create function safelight.on_sign_up() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  perform safelight.welcome(
    new.id, coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name'),
    case when new.email_confirmed_at is not null then nullif(new.email, '') end);
  return null;
end
$function$;
create trigger safelight_on_sign_up after insert or update of email, email_confirmed_at on auth.users
  for each row execute function safelight.on_sign_up();

-- Those who were here before.
perform safelight.welcome(id, coalesce(raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name'),
                          case when email_confirmed_at is not null then nullif(email, '') end)
   from auth.users;

create function public.find_user(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select jsonb_build_object('id', person.id, 'email', person.email, 'name', profile.name,
                            'role', coalesce(profile.role, 'user'))
    from auth.users person left join public.profiles profile on profile.user_id = person.id
   where person.id = p_user_id
$function$;

-- Local accounts, where the schema \`auth\` is ours: whoever says this e-mail is this person. The caller has seen to it
-- that only people who may say so can reach it.
create function public.sign_in_locally(p_email text) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_email text := lower(trim(p_email));
begin
  if obj_description('auth'::regnamespace, 'pg_namespace') is distinct from 'made by safelight' then
    raise exception 'local accounts exist only where no other sign-in is set up' using errcode = 'feature_not_supported';
  end if;
  insert into auth.users (email, email_confirmed_at) values (v_email, now()) on conflict (email) do nothing;
  return public.find_user((select id from auth.users where email = v_email));
end
$function$;

perform safelight.close_tables('signup_bonuses');
perform safelight.close_functions('find_user', 'sign_in_locally');

insert into public.safelight_migrations (version, name, checksum) values (8, '000008_sign-up', 'e71a7abaa9d09b8b76bfae203b8a3de6461df0f02a097582ab398b5475be6731');
end
$migration$;
`,
  },
  {
    version: 9,
    name: '000009_webhook-deliveries',
    checksum: 'e9ea40bf9dbcf55b4d1a059c0c9c58be864071314cfb7491b659632eb442fb03',
    sql: `-- 000009: which deliveries of webhooks were dealt with. Providers deliver again for a day at most: older ones may go.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 8) then
  raise exception 'apply 000008_sign-up.sql first';
end if;
if exists (select from public.safelight_migrations where version = 9) then
  return;
end if;

create function public.has_seen_delivery(p_provider text, p_delivery_id text) returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return to_jsonb(exists (
    select from public.webhook_deliveries where provider = p_provider and delivery_id = p_delivery_id));
end
$function$;

-- Remembering twice is fine. Each new one takes two of the past away, if there are any: the table never needs a cleaner.
create function public.remember_delivery(p_provider text, p_delivery_id text) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  insert into public.webhook_deliveries (provider, delivery_id) values (p_provider, p_delivery_id)
  on conflict do nothing;
  if found then
    delete from public.webhook_deliveries where (provider, delivery_id) in (
      select provider, delivery_id from public.webhook_deliveries
       where received_at < clock_timestamp() - interval '1 day 1 hour'
       order by received_at limit 2 for update skip locked);
  end if;
end
$function$;

perform safelight.close_functions('has_seen_delivery', 'remember_delivery');

insert into public.safelight_migrations (version, name, checksum) values (9, '000009_webhook-deliveries', 'e9ea40bf9dbcf55b4d1a059c0c9c58be864071314cfb7491b659632eb442fb03');
end
$migration$;
`,
  },
  {
    version: 10,
    name: '000010_token-pool',
    checksum: 'bbe4f846c2ce2230410eea6137960fbb59113452246a83694889d086fff175f1',
    sql: `-- 000010: the token pool learns. What is believed of a limit or a token is JSON that only the reducer of @safelight/core
-- (token-pool/reducer.ts) makes: it is read, reduced there, and written back if nobody else was quicker. Choosing a token
-- and keeping to a pace happens here, in the transaction that claims, as token-pool/choose.ts says it.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 9) then
  raise exception 'apply 000009_webhook-deliveries.sql first';
end if;
if exists (select from public.safelight_migrations where version = 10) then
  return;
end if;

alter table public.provider_accounts
  drop column resting_until, drop column strikes, drop column cap, drop column cap_until,
  add column state jsonb not null default '{}',      -- LaneState, and in the lane '' a Standing
  add column version integer not null default 0,     -- counts the states
  add column per_minute integer,                     -- what was configured, until something is learned
  add column max_open integer,
  add column paced_at timestamptz,                   -- when the next submit is due at an even pace
  add column queued_until timestamptz;               -- when the last of those who had to wait comes back

alter table public.provider_tokens
  drop column resting_until, drop column strikes,
  add column state jsonb not null default '{}',      -- Standing
  add column version integer not null default 0,
  add column account text;                           -- null for a model whoever asks for it

-- Not on the three columns themselves: a plan made while the table is empty would take it for the open ones as well.
create index attempts_lately on public.job_attempts ((provider || ' ' || account || ' ' || lane), acquired_at);

drop function public.report_token(jsonb);
drop function public.acquire_token(uuid, uuid, text, text, jsonb);
drop function public.begin_attempt(uuid, text, integer, uuid, integer, text, jsonb, double precision);
drop function safelight.choose_candidate(text, text, jsonb);
drop function safelight.rest_after(text);
drop function safelight.open_attempts(text, text, text);

-- How busy a lane is. An attempt that bound a token and was never started is forgotten after a minute: its process died
-- in between. One without an answer counts as unanswered for a sixth of a window.
create function safelight.lane_use(p_provider text, p_account text, p_lane text, p_token text, p_window_ms double precision)
returns table (sent integer, accepted integer, open_now integer, open_accepted integer, unanswered integer,
               open_of_token integer, unanswered_of_token integer)
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $function$
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
                 attempt.accepted_at is null and acquired_at > v_now - v_window / 6 as waits
            from public.job_attempts attempt
           where provider = p_provider and account = p_account and lane = p_lane and ended_at is null
             and (started_at is not null or attempt.accepted_at is not null or acquired_at > v_now - interval '1 minute')
         ) attempt;
  return next;
end
$function$;

-- When a standing lets a token be used, in milliseconds; infinity for never.
create function safelight.rests_until(p_standing jsonb) returns double precision
language plpgsql immutable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return case when p_standing ->> 'status' = 'disabled' then 'infinity'
              else coalesce((p_standing ->> 'restingUntil')::double precision, 0) end;
end
$function$;

-- Of [{ provider, endpoint, token, account, maxOpen, perMinute }], in the order of preference: whoever is free, and within
-- a provider whoever has the most room; where nobody is, whose turn comes first. The accounts stay locked until the caller
-- has written the attempt.
--   → { status: 'token', candidate } | { status: 'wait', wait_ms } | { status: 'none' }
create function safelight.choose_candidate(p_model text, p_lane text, p_candidates jsonb, p_window_seconds double precision)
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
      cross join lateral safelight.lane_use(known.provider, known.account, p_lane, known.token, v_window) busy
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

-- Chooses, and binds the token to the attempt. For a job store of someone else's; ours does both in begin_attempt.
create function public.acquire_token(p_attempt_id uuid, p_job_id uuid, p_model text, p_lane text, p_candidates jsonb,
                                     p_window_seconds double precision default 60)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_chosen jsonb := safelight.choose_candidate(p_model, p_lane, p_candidates, p_window_seconds);
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

-- Chooses a token and writes the attempt under the lock of the provider account, and moves \`charged\` → \`submitting\`.
--   → { status: 'begun', job, candidate } | { status: 'lost' } | { status: 'wait', wait_ms } | { status: 'none' }
create function public.begin_attempt(p_job_id uuid, p_state text, p_version integer, p_attempt_id uuid, p_number integer,
                                     p_lane text, p_candidates jsonb, p_wake_in_seconds double precision,
                                     p_window_seconds double precision default 60)
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
  v_chosen := safelight.choose_candidate(v_model, p_lane, p_candidates, p_window_seconds);
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

-- ---------------------------------------------------------------------------------------------- learning
-- What an answer means for the attempt, and what is believed about the token, its account and its model when it comes:
-- the reducer says whether that changes anything.
--   → { facts: { at, sentAt, sent, accepted, open, openAccepted, starting },
--       known: { lane, account, token, pair, model: { state, version } } }
create function public.report_token(p_event jsonb, p_window_seconds double precision default 60) returns jsonb
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
  v_use record;
  v_facts jsonb;
begin
  if v_outcome <> 'checked' then
    update public.job_attempts
       set accepted_at = case v_outcome when 'accepted' then coalesce(accepted_at, v_now) else accepted_at end,
           ended_at = case v_outcome when 'accepted' then ended_at else coalesce(ended_at, v_now) end
     where id = (p_event ->> 'attemptId')::uuid
    returning acquired_at into v_sent_at;
  end if;
  if v_outcome = 'ended' then
    return null;
  end if;
  select * into v_use from safelight.lane_use(v_provider, v_account, v_lane, v_token, p_window_seconds * 1000);
  select jsonb_build_object(
           'at', safelight.to_ms(v_now), 'sentAt', safelight.to_ms(coalesce(v_sent_at, v_now)), 'sent', v_use.sent,
           'accepted', v_use.accepted, 'open', v_use.open_now, 'openAccepted', v_use.open_accepted,
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
-- was read. False, and nothing written, where somebody was quicker with any of them: then the truth is read again.
create function public.learn_token(p_event jsonb, p_changes jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_subject text;
  v_change jsonb;
begin
  begin
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

-- What is believed now, as PoolSnapshot of the contracts. No secrets: there are none here.
create function public.read_token_pool() returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return jsonb_build_object(
    'at', safelight.to_ms(clock_timestamp()),
    'lanes', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'provider', lane.provider, 'account', lane.account, 'lane', lane.lane, 'state', lane.state,
               'perMinute', lane.per_minute, 'maxOpen', lane.max_open, 'open', (
                 select count(*) from public.job_attempts attempt
                  where attempt.provider = lane.provider and attempt.account = lane.account and attempt.lane = lane.lane
                    and attempt.ended_at is null)) order by lane.provider, lane.account, lane.lane), '[]')
        from public.provider_accounts lane where lane.lane <> ''),
    'tokens', (
      select coalesce(jsonb_agg(to_jsonb(standing) order by provider, account, token, model), '[]') from (
        select provider, account, null as token, null as model, state from public.provider_accounts where lane = ''
        union all
        select provider, account, nullif(token, ''), nullif(model, ''), state from public.provider_tokens
      ) standing));
end
$function$;

perform safelight.close_functions('acquire_token', 'begin_attempt', 'report_token', 'learn_token', 'read_token_pool');

insert into public.safelight_migrations (version, name, checksum) values (10, '000010_token-pool', 'bbe4f846c2ce2230410eea6137960fbb59113452246a83694889d086fff175f1');
end
$migration$;
`,
  },
  {
    version: 11,
    name: '000011_runtimes',
    checksum: '6bcc0652e49fa8c55d4f5f961d1406f6aaa3be4178eec16455fed77818741e3d',
    sql: `-- 000011: how long providers took for the last jobs of a kind, from acceptance until they were done: when to look first.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 10) then
  raise exception 'apply 000010_token-pool.sql first';
end if;
if exists (select from public.safelight_migrations where version = 11) then
  return;
end if;

-- Of the last jobs of the model, only so many are read: a model that is made elsewhere most of the time has few alike.
create function public.list_runtimes(p_model text, p_endpoint text, p_duration double precision, p_limit integer)
returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(extract(epoch from attempt.ended_at - attempt.accepted_at) order by job.finished_at desc), '[]')
    from (
      select finished_at, (attempt ->> 'id')::uuid as attempt_id from (
        select finished_at, attempt, input from public.generation_jobs
         where model = p_model and state = 'succeeded' order by finished_at desc limit p_limit * 10
      ) recent
       where attempt ->> 'endpoint' = p_endpoint
         and (input ->> 'duration')::double precision is not distinct from p_duration
       order by finished_at desc limit p_limit
    ) job
    join public.job_attempts attempt on attempt.id = job.attempt_id
   where attempt.accepted_at is not null and attempt.ended_at is not null
$function$;

perform safelight.close_functions('list_runtimes');

insert into public.safelight_migrations (version, name, checksum) values (11, '000011_runtimes', '6bcc0652e49fa8c55d4f5f961d1406f6aaa3be4178eec16455fed77818741e3d');
end
$migration$;
`,
  },
  {
    version: 12,
    name: '000012_token-turns',
    checksum: '1924a3c1ec9737c65a8230ea5133956a892c3706b94fb123240c60507e071ab8',
    sql: `-- 000012: a submit counts a little longer than the provider's minute, a refused attempt ends together with what it taught,
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
`,
  },
  {
    version: 13,
    name: '000013_upkeep',
    checksum: 'aa92f84cfe79c6818b83e88ee8a8fd05f71140c25ad248512afea287199fd7e9',
    sql: `-- 000013: what has to be done now and then: files that may go, history that nobody needs, figures of what was generated.
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
-- \`keys\` are files that may go now: those of these rows, and those that were answered before and are not noted as gone. A
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
`,
  },
  {
    version: 14,
    name: '000014_reconciliation',
    checksum: '910dcdb4f30d9e614b3a7fa8cfa66c93eea495be65f1dba49330430704049c28',
    sql: `-- 000014: the books are gone through: every balance against its ledger, and what looks odd though it adds up.
--
-- Two things find the accounts that have to be looked at. New ledger entries are found by the transaction that wrote them:
-- a run reads up to the oldest transaction that is still running, so whoever commits late is read by the next one. And
-- every account is held against where it stood when it was looked at last: a balance that changed without an entry shows.
-- Each account that was found is then compared with its entries as of one instant.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 13) then
  raise exception 'apply 000013_upkeep.sql first';
end if;
if exists (select from public.safelight_migrations where version = 14) then
  return;
end if;

-- A constant first, so that no entry is written again however many there are: those from before are of transaction 0.
alter table public.credit_ledger add column transaction_id bigint not null default 0;
alter table public.credit_ledger alter column transaction_id set default pg_current_xact_id()::text::bigint;
-- Entries lie in the order they came: a few kilobytes find them by transaction and by time, and cost a charge nothing.
create index ledger_by_transaction on public.credit_ledger using brin (transaction_id, created_at)
  with (pages_per_range = 16, autosummarize = on);

-- Where an account stood when it was looked at last, by its ledger.
create table public.credit_checkpoints (
  user_id    uuid primary key,
  seq        bigint not null,
  balance    bigint not null,
  checked_at timestamptz not null default now()
) with (fillfactor = 80);

-- One row: up to which transaction entries have been read, and up to when the ends of jobs.
create table public.credit_reconciliation (
  only_one     boolean primary key default true check (only_one),
  read_to      bigint not null,
  jobs_read_to timestamptz not null
);
insert into public.credit_reconciliation (read_to, jobs_read_to)
values (pg_snapshot_xmin(pg_current_snapshot())::text::bigint, '-infinity');

alter table public.credit_discrepancies
  add column reference text,
  add column last_found_at timestamptz not null default now(),
  add column note text;
create unique index discrepancy_once on public.credit_discrepancies (user_id, problem, coalesce(reference, ''))
  where closed_at is null;

-- ---------------------------------------------------------------------------------------------- comparing
-- What is wrong with these accounts, all of it as of one instant, and how many entries were read. With p_whole from the
-- first entry on, else from where each stood last; that is moved to the last entry, right or wrong, so that a break in
-- the books is found once and a balance that disagrees is found until it agrees.
--   → { entries, findings: [{ user_id, problem, expected, found, reference }] }
create function safelight.compare_accounts(p_users uuid[], p_whole boolean) returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  with standing as materialized (
    select users.user_id, account.seq, account.balance,
           case when p_whole then 0 else coalesce(checked.seq, 0) end as from_seq,
           case when p_whole then 0 else coalesce(checked.balance, 0) end as from_balance
      from unnest(p_users) users (user_id)
      left join public.credit_accounts account using (user_id)
      left join public.credit_checkpoints checked using (user_id)
  ), entry as materialized (
    select standing.user_id, own.seq, own.kind, own.delta, own.balance_after, own.reference,
           standing.from_seq + row_number() over by_user as due_seq,
           lag(own.balance_after, 1, standing.from_balance) over by_user + own.delta as due_balance
      from standing cross join lateral (
        -- The offset keeps this a look into the index for each account.
        select * from public.credit_ledger ledger
         where ledger.user_id = standing.user_id and ledger.seq > standing.from_seq order by ledger.seq offset 0
      ) own
    window by_user as (partition by standing.user_id order by own.seq)
  ), latest as materialized (
    select standing.user_id, standing.seq, standing.balance, greatest(standing.from_seq, max(entry.seq)) as last_seq,
           coalesce((array_agg(entry.balance_after order by entry.seq desc))[1], standing.from_balance) as last_balance
      from standing left join entry using (user_id)
     group by standing.user_id, standing.seq, standing.balance, standing.from_seq, standing.from_balance
  ), moved as (
    insert into public.credit_checkpoints as checked (user_id, seq, balance)
    select user_id, last_seq, last_balance from latest order by user_id
    on conflict (user_id) do update set seq = excluded.seq, balance = excluded.balance, checked_at = now()
     where (checked.seq, checked.balance) is distinct from (excluded.seq, excluded.balance)
  ), finding as (
    select user_id, 'account_missing' as problem, last_balance as expected, null::bigint as found, null as reference
      from latest where seq is null
    union all
    select user_id, 'balance', last_balance, balance, null from latest where balance <> last_balance
    union all
    select user_id, 'position', last_seq, seq, null from latest where seq <> last_seq
    union all
    (select distinct on (user_id) user_id, 'sequence', due_seq, seq, reference
       from entry where seq <> due_seq order by user_id, seq)
    union all
    (select distinct on (user_id) user_id, 'chain', due_balance, balance_after, reference
       from entry where balance_after <> due_balance order by user_id, seq)
    union all
    select entry.user_id, 'refund', coalesce(-charge.delta, 0), entry.delta, entry.reference
      from entry left join public.credit_ledger charge
        on charge.reference = entry.reference and charge.kind = 'charge' and charge.user_id = entry.user_id
     where entry.kind = 'refund' and entry.delta > coalesce(-charge.delta, 0)
  )
  select jsonb_build_object(
    'entries', (select count(*) from entry),
    'findings', (select coalesce(jsonb_agg(to_jsonb(finding)), '[]') from finding))
$function$;

-- The short way for what is mostly right: entries that were written since, each of which has to follow from the one before,
-- the first from where its account stood, and the account has to stand at the last. Where all of that holds the account
-- stands there from now on; \`left\` are the users where it does not. A run that could not see an entry began before its
-- transaction ended, so no entry after a checkpoint is missing here, and one that was seen before does no harm.
--   → { entries, left: [user_id] }
create function safelight.compare_new_entries(p_from bigint, p_below bigint) returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  with fresh as materialized (
    select user_id, seq, kind, delta, balance_after, reference from public.credit_ledger
     where transaction_id >= p_from and transaction_id < coalesce(p_below, 9223372036854775807)
  ), walked as materialized (
    select fresh.user_id, fresh.seq, fresh.balance_after, lead(fresh.seq) over by_user is null as is_last,
           checked.user_id is null as is_new,
           fresh.seq = lag(fresh.seq, 1, coalesce(checked.seq, 0)) over by_user + 1
             and fresh.balance_after = lag(fresh.balance_after, 1, coalesce(checked.balance, 0)) over by_user + fresh.delta
             and (fresh.kind <> 'refund' or exists (
               select from public.credit_ledger charge
                where charge.reference = fresh.reference and charge.kind = 'charge' and charge.user_id = fresh.user_id
                  and fresh.delta <= -charge.delta)) as is_right
      from fresh left join public.credit_checkpoints checked on checked.user_id = fresh.user_id
     where fresh.seq > coalesce(checked.seq, 0)
    window by_user as (partition by fresh.user_id order by fresh.seq)
  ), wrong as (
    select distinct user_id from walked where not is_right
    union
    select walked.user_id from walked left join public.credit_accounts account on account.user_id = walked.user_id
     where is_last and (account.seq, account.balance) is distinct from (walked.seq, walked.balance_after)
  ), right_ones as materialized (
    select user_id, seq, balance_after, is_new from walked
     where is_last and not exists (select from wrong where wrong.user_id = walked.user_id)
  ), moved as (
    update public.credit_checkpoints checked set seq = right_ones.seq, balance = balance_after, checked_at = now()
      from right_ones where not is_new and checked.user_id = right_ones.user_id
  ), met as (
    insert into public.credit_checkpoints (user_id, seq, balance)
    select user_id, seq, balance_after from right_ones where is_new
  )
  select jsonb_build_object('entries', (select count(*) from walked),
                            'left', (select coalesce(jsonb_agg(user_id), '[]') from wrong))
$function$;

-- Jobs that ended since without a picture, and kept what they cost.
create function safelight.unpaid_refunds(p_since timestamptz, p_until timestamptz) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(jsonb_build_object(
           'user_id', job.user_id, 'problem', 'no_refund', 'expected', job.price, 'found', 0, 'reference', job.id)), '[]')
    from public.generation_jobs job
    join public.credit_references reference on reference.reference = job.id::text
   where job.finished_at >= p_since and job.finished_at < p_until and job.finished_at is not null
     and job.state in ('failed', 'canceled') and job.media = '[]'
     and reference.charged_seq is not null and not reference.closed
$function$;

-- Each once for as long as it is open. Entries never change, so a break in them that somebody has closed is not told again;
-- anything else that is found again after it was closed is there again.
create function safelight.note_discrepancies(p_findings jsonb) returns void
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  insert into public.credit_discrepancies as known (user_id, problem, expected, found, reference)
  select finding.user_id, finding.problem, finding.expected, finding.found, finding.reference
    from jsonb_to_recordset(p_findings)
           as finding (user_id uuid, problem text, expected bigint, found bigint, reference text)
   where finding.problem in ('account_missing', 'balance', 'position') or not exists (
     select from public.credit_discrepancies closed
      where closed.user_id = finding.user_id and closed.problem = finding.problem and closed.closed_at is not null
        and (closed.expected, closed.found, closed.reference)
            is not distinct from (finding.expected, finding.found, finding.reference))
   order by finding.user_id, finding.problem, finding.reference
  on conflict (user_id, problem, (coalesce(reference, ''))) where closed_at is null
  do update set expected = excluded.expected, found = excluded.found, last_found_at = now()
$function$;
create index discrepancies_by_user on public.credit_discrepancies (user_id, problem);

-- ---------------------------------------------------------------------------------------------- reconciling
-- A step of a run: new entries, and the next accounts after p_after, as many as p_limit or as have two hundred thousand entries
-- to read. Go on with the \`after\` of the answer as long as there is more. The discrepancies of the answer are all that are
-- open, the latest 100 of them listed.
--   → { more, after, discrepancies, summary: { accounts_checked, entries_checked, discrepancies, accounts_affected,
--       discrepancy_rate } }
create function public.reconcile_credit_ledger(p_whole boolean default false, p_after uuid default null,
                                               p_limit integer default 50000)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  c_entries_max constant integer := 200000;
  c_transactions_max constant bigint := 1000000;
  v_whole boolean := coalesce(p_whole, false);
  v_oldest_running bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_now timestamptz := clock_timestamp();
  v_run public.credit_reconciliation;
  v_from bigint;
  v_to bigint;
  v_begin uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
  v_last uuid;
  v_is_end boolean;
  v_accounts integer;
  v_users uuid[];
  v_read jsonb := '{"entries": 0, "left": []}';
  v_compared jsonb;
  v_open record;
  v_list jsonb;
begin
  if p_limit is null or p_limit < 1 then
    raise exception 'a step looks at one account at least' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_run from public.credit_reconciliation for update;
  -- Transactions that count from lower again: the database was copied into another server.
  v_from := case when v_run.read_to > v_oldest_running then 0 else v_run.read_to end;
  v_to := least(v_oldest_running, v_from + c_transactions_max);
  if not v_whole then
    v_read := safelight.compare_new_entries(v_from, case when v_to < v_oldest_running then v_to end);
  end if;

  -- The next accounts, and of them those to look at, up to the first that would be too much to read.
  with next as materialized (
    select account.user_id, account.seq - case when v_whole then 0 else coalesce(checked.seq, 0) end as entries,
           v_whole or (account.seq, account.balance) is distinct from (checked.seq, checked.balance) as is_due
      from public.credit_accounts account left join public.credit_checkpoints checked using (user_id)
     where account.user_id >= v_begin and account.user_id is distinct from p_after
     order by account.user_id limit p_limit
  ), due as (
    select user_id, row_number() over by_user as place,
           sum(entries::double precision) over (by_user rows unbounded preceding) as entries
      from next where is_due window by_user as (order by user_id)
  ), stop as (
    select user_id from due where place > 1 and entries > c_entries_max order by user_id limit 1
  )
  select count(*), count(*) < p_limit and not exists (select from stop),
         (array_agg(user_id order by user_id desc))[1], coalesce(array_agg(user_id) filter (where is_due), '{}')
    into v_accounts, v_is_end, v_last, v_users
    from next where not exists (select from stop where stop.user_id <= next.user_id);
  if v_whole then
    -- And whoever has entries and no account.
    v_users := array(
      select unnest(v_users) union
      select distinct user_id from public.credit_ledger
       where user_id >= v_begin and user_id is distinct from p_after
         and user_id <= case when v_is_end then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else v_last end);
  end if;
  v_users := array(select unnest(v_users) union select jsonb_array_elements_text(v_read -> 'left')::uuid);

  v_compared := safelight.compare_accounts(v_users, v_whole);
  perform safelight.note_discrepancies(v_compared -> 'findings');
  if p_after is null then
    -- Ten minutes more than since the last run: no transaction of ours takes as long.
    perform safelight.note_discrepancies(safelight.unpaid_refunds(
      case when v_whole then '-infinity' else v_run.jobs_read_to - interval '10 minutes' end, v_now));
  end if;
  update public.credit_reconciliation
     set read_to = case when v_whole then v_run.read_to else v_to end,
         jobs_read_to = case when p_after is null then v_now else v_run.jobs_read_to end;

  select count(*) as discrepancies, count(distinct user_id) as accounts into v_open
    from public.credit_discrepancies where closed_at is null;
  select coalesce(jsonb_agg(to_jsonb(latest) - 'closed_at' - 'note' order by last_found_at desc, id), '[]') into v_list from (
    select * from public.credit_discrepancies where closed_at is null order by last_found_at desc, id limit 100
  ) latest;
  return jsonb_build_object(
    'more', not v_is_end or (not v_whole and v_to < v_oldest_running),
    'after', coalesce(v_last, p_after),
    'discrepancies', v_list,
    'summary', jsonb_build_object(
      'accounts_checked', v_accounts,
      'entries_checked', (v_read ->> 'entries')::bigint + (v_compared ->> 'entries')::bigint,
      'discrepancies', v_open.discrepancies,
      'accounts_affected', v_open.accounts,
      'discrepancy_rate', least(1, round(v_open.accounts::numeric / greatest(v_accounts, 1), 6))));
end
$function$;

-- Somebody has looked at it; false where it is not open.
create function public.close_discrepancy(p_id uuid, p_note text) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  if coalesce(trim(p_note), '') = '' then
    raise exception 'whoever closes a discrepancy says why' using errcode = 'invalid_parameter_value';
  end if;
  update public.credit_discrepancies set closed_at = now(), note = p_note where id = p_id and closed_at is null;
  return to_jsonb(found);
end
$function$;

-- ---------------------------------------------------------------------------------------------- anomalies
-- What somebody should look at, though most of it will have a reason, of the last hours; a month at most, and p_limit of
-- each kind.
--   → { hours, anomalies: [{ kind, user_id, reference, at, expected, found }] }
create function public.detect_anomalies(p_hours integer default 24, p_limit integer default 100) returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_since timestamptz := v_now - make_interval(hours => p_hours);
  v_anomalies jsonb;
begin
  if p_hours is null or p_hours not between 1 and 744 or p_limit is null or p_limit < 1 then
    raise exception 'anomalies are of 1 to 744 hours' using errcode = 'invalid_parameter_value';
  end if;
  with recent as materialized (
    select user_id, seq, kind, delta, reference, description, created_at from public.credit_ledger
     where created_at >= v_since
  ), compared as (
    -- Whoever moved lately, and whoever does not stand where the last run left them.
    select account.*, ledger.seq as last_seq, ledger.balance_after as last_balance, ledger.created_at as last_at
      from (
        select user_id from recent
        union
        select account.user_id
          from public.credit_accounts account left join public.credit_checkpoints checked using (user_id)
         where (account.seq, account.balance) is distinct from (checked.seq, checked.balance)
      ) users
      join public.credit_accounts account using (user_id)
      left join lateral (
        select seq, balance_after, created_at from public.credit_ledger
         where user_id = account.user_id order by seq desc limit 1
      ) ledger on true
  ), refund as (
    select user_id, created_at, lag(created_at, 2) over (partition by user_id order by seq) as third_last_at
      from recent where kind = 'refund'
  ), spend as (
    select top.*, usual.median
      from (select * from (
              select distinct on (user_id) user_id, seq, -delta as amount, reference, created_at
                from recent where kind = 'charge' order by user_id, delta, seq desc
            ) each_ones order by amount desc limit 10000) top     -- of more than can be looked into, the largest
      cross join lateral (
        select percentile_cont(0.5) within group (order by -delta) as median, count(*) as charges from (
          select delta from public.credit_ledger
           where user_id = top.user_id and kind = 'charge' and seq <> top.seq order by seq desc limit 100
        ) other
      ) usual
     where usual.charges >= 3 and top.amount >= 10 * usual.median
  ), odd as (
    select 'frozen_balance' as kind, user_id, null as reference, last_at as at, last_seq as expected, seq as found
      from compared where last_seq > seq
    union all
    select 'drifting_balance', user_id, null, coalesce(last_at, created_at), coalesce(last_balance, 0), balance
      from compared where balance <> coalesce(last_balance, 0)
    union all
    select 'many_refunds', user_id, null, max(created_at), 2, count(*) + 2
      from refund where created_at - third_last_at <= interval '1 hour' group by user_id
    union all
    select 'grant_without_reason', user_id, reference, created_at, null, delta
      from recent where kind in ('grant', 'adjustment') and trim(description) = ''
    union all
    select 'unusual_spend', user_id, reference, created_at, round(median)::bigint, amount from spend
    union all
    -- In seconds. A job waits until \`queue_until\`, then runs until \`run_until\`.
    select 'overdue_job', user_id, id::text, created_at, round(extract(epoch from allowed))::bigint,
           floor(extract(epoch from v_now - begun_at))::bigint
      from (
        select job.*, begun.begun_at, coalesce(run_until, queue_until) - begun.begun_at as allowed
          from public.generation_jobs job cross join lateral (
            select case when run_until is null then job.created_at else coalesce(
              safelight.from_ms((job.attempt ->> 'acceptedAt')::double precision),
              safelight.from_ms((job.attempt ->> 'startedAt')::double precision), job.created_at) end as begun_at
          ) begun
         where finished_at is null
      ) open_job
     where v_now - begun_at > 2 * allowed
  ), counted as (
    select odd.*, row_number() over (partition by kind order by at desc) as place from odd
  )
  select coalesce(jsonb_agg(to_jsonb(counted) - 'place' order by kind, at desc), '[]') into v_anomalies
    from counted where place <= p_limit;
  return jsonb_build_object('hours', p_hours, 'anomalies', v_anomalies);
end
$function$;

perform safelight.close_tables('credit_checkpoints', 'credit_reconciliation');
perform safelight.close_functions('reconcile_credit_ledger', 'close_discrepancy', 'detect_anomalies');

-- ---------------------------------------------------------------------------------------------- reports
-- To read in an SQL editor; database/reports asks them. They show what their reader may see.
create view safelight.open_discrepancies with (security_invoker = on) as
  select finding.id, finding.user_id, finding.problem, finding.expected, finding.found, finding.reference, account.balance,
         finding.found_at, finding.last_found_at
    from public.credit_discrepancies finding left join public.credit_accounts account on account.user_id = finding.user_id
   where finding.closed_at is null;

insert into public.safelight_migrations (version, name, checksum) values (14, '000014_reconciliation', '910dcdb4f30d9e614b3a7fa8cfa66c93eea495be65f1dba49330430704049c28');
end
$migration$;
`,
  },
  {
    version: 15,
    name: '000015_banned-users',
    checksum: '39462d9edb124f6ff7a5d1a2a4894e173e0c686d804ae7de54b0c35f59b7e7f1',
    sql: `-- 000015: who is banned or was deleted in a Supabase project is nobody here, at once.
--
-- An access token that the project signed before goes on being valid for up to an hour; only the row knows better.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 14) then
  raise exception 'apply 000014_reconciliation.sql first';
end if;
if exists (select from public.safelight_migrations where version = 15) then
  return;
end if;

-- The row is read as JSON, because a schema \`auth\` that is not Supabase's may lack either column.
create or replace function public.find_user(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select jsonb_build_object('id', person.id, 'email', person.email, 'name', profile.name,
                            'role', coalesce(profile.role, 'user'))
    from auth.users person left join public.profiles profile on profile.user_id = person.id
   where person.id = p_user_id
     and to_jsonb(person) ->> 'deleted_at' is null
     and coalesce((to_jsonb(person) ->> 'banned_until')::timestamptz <= clock_timestamp(), true)
$function$;
perform safelight.close_functions('find_user');

insert into public.safelight_migrations (version, name, checksum) values (15, '000015_banned-users', '39462d9edb124f6ff7a5d1a2a4894e173e0c686d804ae7de54b0c35f59b7e7f1');
end
$migration$;
`,
  },
  {
    version: 16,
    name: '000016_quicker-limits',
    checksum: 'c00326e0da191fc37b64b90b5f5f785fb3a2ce555a1212dcd6862ec282baa038',
    sql: `-- 000016: the same limits for less work. A key is looked up by its index however the table grew since a plan was made; a hit
-- is one statement, and one limit alone is read once and written once. Whether a bucket is full stands in each statement,
-- because a call of a function for it costs a third of the statement.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 15) then
  raise exception 'apply 000015_banned-users.sql first';
end if;
if exists (select from public.safelight_migrations where version = 16) then
  return;
end if;

-- One hit on every key; false where one of them is full, and then the caller undoes the others by giving up its
-- transaction. The clock is read again behind each row lock, so that hits stay in order however long the wait was.
create or replace function safelight.take_hits(p_keys text[], p_maxima integer[], p_windows integer[]) returns boolean
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_taken integer;
begin
  insert into public.rate_limits as bucket (key, hits, expires_at)
  select key, array[clock_timestamp()],
         clock_timestamp() + make_interval(secs => p_windows[array_position(p_keys, key)])
    from unnest(p_keys) key order by key        -- everybody locks in this order
  on conflict (key) do update
     set hits = (bucket.hits || clock_timestamp())
           [greatest(1, cardinality(bucket.hits) + 2 - p_maxima[array_position(p_keys, bucket.key)]):],
         expires_at = greatest(bucket.expires_at, excluded.expires_at)
   where (bucket.hits[cardinality(bucket.hits) - p_maxima[array_position(p_keys, bucket.key)] + 1]
           > clock_timestamp() - make_interval(secs => p_windows[array_position(p_keys, bucket.key)])) is not true;
  get diagnostics v_taken = row_count;
  return v_taken = cardinality(p_keys);
end
$function$;
drop function safelight.is_full(timestamptz[], integer, integer);

-- Where the caller stands with each of [{ key, name, max, windowSeconds }], in their order. Takes nothing.
create or replace function public.peek_rate_limits(p_limits jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $function$
begin
  return coalesce((
    select jsonb_agg(safelight.limit_state(
             value ->> 'name', (select hits from public.rate_limits where key = value ->> 'key'),
             (value ->> 'max')::integer, (value ->> 'windowSeconds')::integer) order by position)
      from jsonb_array_elements(p_limits) with ordinality wanted (value, position)), '[]');
end
$function$;

-- One from every bucket or from none.
create or replace function public.take_rate_limits(p_limits jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_keys text[];
  v_maxima integer[];
  v_windows integer[];
  v_states jsonb := public.peek_rate_limits(p_limits);
begin
  if jsonb_path_exists(v_states, '$[*] ? (@.remaining == 0)') then
    return jsonb_build_object('allowed', false, 'limits', v_states, 'retry_after_ms', (
      select max((state ->> 'resets_in_ms')::bigint) from jsonb_array_elements(v_states) state
       where state -> 'remaining' = '0'));
  end if;
  select array_agg(value ->> 'key'), array_agg((value ->> 'max')::integer), array_agg((value ->> 'windowSeconds')::integer)
    into v_keys, v_maxima, v_windows from jsonb_array_elements(p_limits);
  if cardinality(v_keys) > (select count(distinct key) from unnest(v_keys) key) or 10000 < any (v_maxima) then
    raise exception 'limits have keys of their own and allow at most 10000' using errcode = 'invalid_parameter_value';
  end if;
  if not safelight.take_hits(v_keys, v_maxima, v_windows) then
    raise exception 'lost race: rate limits' using errcode = 'serialization_failure';
  end if;
  return jsonb_build_object('allowed', true, 'retry_after_ms', 0, 'limits', public.peek_rate_limits(p_limits));
end
$function$;

-- One from one bucket. A refusal reads once and writes nothing. Whoever loses a race for the last hit looks again.
create or replace function public.check_rate_limit(p_key text, p_max_requests integer, p_window_seconds integer) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_window interval;
  v_hits timestamptz[];
  v_state jsonb;
  v_allowed boolean := false;
begin
  if p_key is null or coalesce(p_max_requests, -1) not between 0 and 10000
     or coalesce(p_window_seconds, 0) not between 1 and 31622400 then
    raise exception 'a rate limit is 0 to 10000 requests in 1 second to 366 days'
      using errcode = 'invalid_parameter_value';
  end if;
  v_window := make_interval(secs => p_window_seconds);
  loop
    select hits into v_hits from public.rate_limits where key = p_key;
    exit when p_max_requests = 0 or v_hits[cardinality(v_hits) - p_max_requests + 1] > clock_timestamp() - v_window;
    insert into public.rate_limits as bucket (key, hits, expires_at)
    values (p_key, array[clock_timestamp()], clock_timestamp() + v_window)
    on conflict (key) do update
       set hits = (bucket.hits || clock_timestamp())[greatest(1, cardinality(bucket.hits) + 2 - p_max_requests):],
           expires_at = greatest(bucket.expires_at, excluded.expires_at)
     where (bucket.hits[cardinality(bucket.hits) - p_max_requests + 1] > clock_timestamp() - v_window) is not true
    returning hits into v_hits;
    v_allowed := found;
    exit when v_allowed;
  end loop;
  v_state := safelight.limit_state(p_key, v_hits, p_max_requests, p_window_seconds);
  return jsonb_build_object(
    'allowed', v_allowed, 'limit', p_max_requests,
    'remaining', case when v_allowed then (v_state ->> 'remaining')::integer else 0 end,
    'retry_after_ms', case when v_allowed then 0 else greatest(1, (v_state ->> 'resets_in_ms')::bigint) end);
end
$function$;
perform safelight.close_functions('peek_rate_limits', 'take_rate_limits', 'check_rate_limit');

insert into public.safelight_migrations (version, name, checksum) values (16, '000016_quicker-limits', 'c00326e0da191fc37b64b90b5f5f785fb3a2ce555a1212dcd6862ec282baa038');
end
$migration$;
`,
  },
]

/** Functions that only read. */
export const readers: ReadonlySet<string> = new Set([
  'detect_anomalies',
  'find_job',
  'find_job_by_key',
  'find_media',
  'find_user',
  'get_generation_stats',
  'has_seen_delivery',
  'list_attempts',
  'list_durations',
  'list_jobs',
  'list_ledger',
  'list_media',
  'list_media_of_jobs',
  'list_runtimes',
  'list_tokens_in_use',
  'read_balance',
  'read_migrations',
  'read_settings',
  'read_token_pool',
])
