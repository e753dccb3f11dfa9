-- A balance that somebody changed by hand is in every report until it is put back and closed.
insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'example@example.test');
select grant_credits('11111111-1111-4111-8111-111111111111', 1000, 'example', 'To begin with');
select reconcile_credit_ledger() -> 'summary' as summary;

update credit_accounts set balance = 9000;
select reconcile_credit_ledger() -> 'summary' as summary;
select problem, expected, found from safelight.open_discrepancies;
select anomaly ->> 'kind' as kind, anomaly -> 'found' as found from jsonb_array_elements(detect_anomalies() -> 'anomalies') anomaly;

update credit_accounts set balance = 1000;
select close_discrepancy(id, 'Put back') as is_closed from safelight.open_discrepancies;
select reconcile_credit_ledger() -> 'summary' as summary;
select balance, sum_of_entries, difference from safelight.balances_against_sums;
