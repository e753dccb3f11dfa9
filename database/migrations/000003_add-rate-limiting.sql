-- 000003: rate limits. Never more than so many hits in any window, not one, and not at the edge of a minute either.
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

-- Where somebody with these hits stands. `resets_in_ms` is when there will be room for one more than now.
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
