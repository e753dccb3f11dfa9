-- 000016: the same limits for less work. A key is looked up by its index however the table grew since a plan was made; a hit
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
