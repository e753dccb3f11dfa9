-- Balances that are not the sum of their entries. Nothing listed: all is well. Reads the whole ledger.
select user_id, balance, sum_of_entries, difference, seq, entries
  from safelight.balances_against_sums
 where difference <> 0 or seq <> entries
 order by abs(difference) desc
 limit 100;
