-- Never more than three in any ten minutes. A refusal takes nothing.
select check_rate_limit('example', 3, 600) ->> 'allowed' as allowed;
select check_rate_limit('example', 3, 600) ->> 'remaining' as remaining;
select check_rate_limit('example', 3, 600) ->> 'remaining' as remaining;
select check_rate_limit('example', 3, 600) ->> 'allowed' as allowed,
       (check_rate_limit('example', 3, 600) ->> 'retry_after_ms')::integer between 1 and 600000 as comes_back_in_time;
select cardinality(hits) as hits from rate_limits where key = 'example';
select cleanup_expired_rate_limits() as nobody_forgotten;
