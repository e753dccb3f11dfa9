-- What reconciliation found and nobody has closed. Close one, once it is mended, with
--   select public.close_discrepancy('<id>', 'what came of it');
select id, user_id, problem, expected, found, reference, balance, found_at, last_found_at
  from safelight.open_discrepancies
 order by last_found_at desc
 limit 100;
