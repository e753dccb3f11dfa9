-- Before the migrations, where the app that safelight comes from has its tables in the schema `public`: everything that
-- would be in the way is moved to the schema `original`, closed to everybody, and nothing of it is lost. In an empty
-- database, and where safelight's own schema is already, it does nothing.
do $upgrade$
declare
  v_names text[] := array[
    'users', 'credit_ledger', 'generation_jobs', 'images', 'edited_images', 'videos', 'rate_limits', 'app_settings',
    'provider_logs', 'api_keys', 'audit_log', 'credit_accounts', 'credit_checkpoints', 'credit_discrepancies',
    'credit_reconciliation', 'credit_references', 'job_attempts', 'media', 'profiles', 'provider_accounts',
    'provider_tokens', 'shares', 'signup_bonuses', 'upkeep_runs', 'uploads', 'webhook_deliveries'];
  v_moved text[];
  v_words text;
  v_roles text;
  v_item record;
begin
  perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
  if to_regclass('public.safelight_migrations') is not null then
    return;
  end if;
  select array_agg(c.relname::text) into v_moved from pg_catalog.pg_class c
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname = any (v_names);
  if v_moved is null then
    return;
  end if;
  if not exists (select from information_schema.columns
                  where table_schema = 'public' and table_name = 'users' and column_name = 'credits') then
    raise exception 'this is not the database of the original app: there is no column credits in public.users'
      using hint = 'Tables of another app are in the way: ' || array_to_string(v_moved, ', ');
  end if;
  create schema if not exists original;
  comment on schema original is 'What the app before safelight kept, as it was.';
  create table if not exists original.dropped_functions (definition text not null, dropped_at timestamptz default now());

  -- Functions that speak of these tables would go on with ours, some as their owner and for everybody. The triggers of
  -- the sign-in go with theirs, because a sign-up would fail in them; their text is kept.
  v_words := '\m(' || array_to_string(v_moved, '|') || ')\M';
  for v_item in
    select f.oid::regprocedure as name, pg_get_functiondef(f.oid) as definition, exists (
             select from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
              where t.tgfoid = f.oid and c.relnamespace = to_regnamespace('auth')) as is_of_sign_in
      from pg_catalog.pg_proc f
     where f.pronamespace = 'public'::regnamespace and f.prokind in ('f', 'p')
       and not exists (select from pg_catalog.pg_depend d where d.objid = f.oid and d.deptype = 'e')
       and (pg_get_functiondef(f.oid) ~ v_words
            or f.proname in ('atomic_charge_credits', 'refund_credits', 'check_rate_limit', 'cleanup_expired_rate_limits'))
  loop
    if v_item.is_of_sign_in then
      insert into original.dropped_functions (definition) values (v_item.definition);
      execute format('drop function %s cascade', v_item.name);
    else
      execute format('alter function %s set schema original', v_item.name);
    end if;
  end loop;
  for v_item in
    select c.relname as name, c.relkind as kind from pg_catalog.pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relname = any (v_moved) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  loop
    execute format('alter %s public.%I set schema original', case v_item.kind
      when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end, v_item.name);
  end loop;

  select string_agg(quote_ident(rolname), ', ') into v_roles from pg_catalog.pg_roles
   where rolname in ('anon', 'authenticated', 'service_role');
  v_roles := concat_ws(', ', 'public', v_roles);
  execute format('revoke all on schema original from %s', v_roles);
  execute format('revoke all on all tables in schema original from %s', v_roles);
  execute format('revoke all on all functions in schema original from %s', v_roles);
end
$upgrade$;
