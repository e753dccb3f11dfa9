-- 000008: people come in. Whoever has a verified e-mail is given the sign-up bonus, once per person.
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

-- Local accounts, where the schema `auth` is ours: whoever says this e-mail is this person. The caller has seen to it
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
