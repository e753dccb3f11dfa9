-- 000015: who is banned or was deleted in a Supabase project is nobody here, at once.
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

-- The row is read as JSON, because a schema `auth` that is not Supabase's may lack either column.
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
