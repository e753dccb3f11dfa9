-- 000001: which migrations are here, how privileges are closed, settings, people, and what watches over the rest.
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

-- Helpers and triggers live here; PostgREST shows `public` alone.
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

-- Only service_role may execute these functions of `public`; nobody at all those of `safelight`.
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
