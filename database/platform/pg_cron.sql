-- Upkeep by the database itself, for projects where no server runs all the time: paste it into the SQL editor of a Supabase
-- project, with the extension pg_cron switched on (Database, Extensions). Where it is not, nothing happens.
--
-- Servers and the cron take turns through claim_upkeep, so both may run. Files of archived media are deleted by servers
-- alone: what is archived here they find the next time they run, or are swept. Applying this again changes nothing.
do $schedule$
declare
  v_task record;
begin
  if not exists (select from pg_proc where pronamespace = to_regnamespace('cron') and proname = 'schedule' and pronargs = 3) then
    raise notice 'there is no pg_cron here: nothing is scheduled';
    return;
  end if;
  for v_task in
    select * from (values
      -- A little less than the interval: a cron is punctual, and the turn before was taken a moment late.
      ('archive',         '17 * * * *', 3500,   'perform public.archive_expired_media(5000);'),
      ('trim',            '27 * * * *', 3500,   'perform public.trim_history(20000);'),
      ('rate-limits',     '47 * * * *', 3500,   'perform public.cleanup_expired_rate_limits();'),
      ('reconcile',       '7 * * * *',  3500,   'loop step := public.reconcile_credit_ledger(false, (step ->> ''after'')::uuid);
                                                 exit when not (step ->> ''more'')::boolean; end loop;'),
      ('reconcile-whole', '37 3 * * 0', 600000, 'loop step := public.reconcile_credit_ledger(true, (step ->> ''after'')::uuid);
                                                 exit when not (step ->> ''more'')::boolean; end loop;')
    ) task (name, schedule, every_seconds, work)
  loop
    execute format('select cron.schedule(%L, %L, %L)', 'safelight-' || v_task.name, v_task.schedule, format(
      'do $task$ declare step jsonb; begin if (public.claim_upkeep(%L, %s) ->> ''claimed'')::boolean then %s end if; end $task$',
      v_task.name, v_task.every_seconds, v_task.work));
  end loop;
end
$schedule$;
