-- What Supabase has and a plain Postgres lacks: the roles of its API, and the schema `auth` with its users.
-- Applied before the migrations, and only where something is missing: a schema `auth` that was made by anybody else is
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
