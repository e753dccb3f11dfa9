-- Open jobs past the time they may wait or run. A few seconds are ordinary: whoever looks next ends them.
select id, user_id, model, state, provider, created_at, due_at, late_by
  from safelight.jobs_over_limits
 order by late_by desc
 limit 100;
