-- 000011: how long providers took for the last jobs of a kind, from acceptance until they were done: when to look first.
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
