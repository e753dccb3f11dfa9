-- Credits by day (UTC) and model, of the last 30 days: charged, given back, and what is left of it.
select day, model, charges, charged, refunded, spent
  from safelight.spend_by_day
 where day > (now() at time zone 'utc')::date - 30
 order by day desc, spent desc;
