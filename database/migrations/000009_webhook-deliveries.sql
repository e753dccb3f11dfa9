-- 000009: which deliveries of webhooks were dealt with. Providers deliver again for a day at most: older ones may go.
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
