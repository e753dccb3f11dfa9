-- How the jobs of the last 7 days (UTC) ended, by the provider of their last attempt. Below 0.9 somebody should look.
select provider, day, jobs, succeeded, success_rate, median_seconds
  from safelight.provider_success
 where day > (now() at time zone 'utc')::date - 7
 order by day desc, success_rate;
