-- 000014: the books are gone through: every balance against its ledger, and what looks odd though it adds up.
--
-- Two things find the accounts that have to be looked at. New ledger entries are found by the transaction that wrote them:
-- a run reads up to the oldest transaction that is still running, so whoever commits late is read by the next one. And
-- every account is held against where it stood when it was looked at last: a balance that changed without an entry shows.
-- Each account that was found is then compared with its entries as of one instant.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 13) then
  raise exception 'apply 000013_upkeep.sql first';
end if;
if exists (select from public.safelight_migrations where version = 14) then
  return;
end if;

-- A constant first, so that no entry is written again however many there are: those from before are of transaction 0.
alter table public.credit_ledger add column transaction_id bigint not null default 0;
alter table public.credit_ledger alter column transaction_id set default pg_current_xact_id()::text::bigint;
-- Entries lie in the order they came: a few kilobytes find them by transaction and by time, and cost a charge nothing.
create index ledger_by_transaction on public.credit_ledger using brin (transaction_id, created_at)
  with (pages_per_range = 16, autosummarize = on);

-- Where an account stood when it was looked at last, by its ledger.
create table public.credit_checkpoints (
  user_id    uuid primary key,
  seq        bigint not null,
  balance    bigint not null,
  checked_at timestamptz not null default now()
) with (fillfactor = 80);

-- One row: up to which transaction entries have been read, and up to when the ends of jobs.
create table public.credit_reconciliation (
  only_one     boolean primary key default true check (only_one),
  read_to      bigint not null,
  jobs_read_to timestamptz not null
);
insert into public.credit_reconciliation (read_to, jobs_read_to)
values (pg_snapshot_xmin(pg_current_snapshot())::text::bigint, '-infinity');

alter table public.credit_discrepancies
  add column reference text,
  add column last_found_at timestamptz not null default now(),
  add column note text;
create unique index discrepancy_once on public.credit_discrepancies (user_id, problem, coalesce(reference, ''))
  where closed_at is null;

-- ---------------------------------------------------------------------------------------------- comparing
-- What is wrong with these accounts, all of it as of one instant, and how many entries were read. With p_whole from the
-- first entry on, else from where each stood last; that is moved to the last entry, right or wrong, so that a break in
-- the books is found once and a balance that disagrees is found until it agrees.
--   → { entries, findings: [{ user_id, problem, expected, found, reference }] }
create function safelight.compare_accounts(p_users uuid[], p_whole boolean) returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  with standing as materialized (
    select users.user_id, account.seq, account.balance,
           case when p_whole then 0 else coalesce(checked.seq, 0) end as from_seq,
           case when p_whole then 0 else coalesce(checked.balance, 0) end as from_balance
      from unnest(p_users) users (user_id)
      left join public.credit_accounts account using (user_id)
      left join public.credit_checkpoints checked using (user_id)
  ), entry as materialized (
    select standing.user_id, own.seq, own.kind, own.delta, own.balance_after, own.reference,
           standing.from_seq + row_number() over by_user as due_seq,
           lag(own.balance_after, 1, standing.from_balance) over by_user + own.delta as due_balance
      from standing cross join lateral (
        -- The offset keeps this a look into the index for each account.
        select * from public.credit_ledger ledger
         where ledger.user_id = standing.user_id and ledger.seq > standing.from_seq order by ledger.seq offset 0
      ) own
    window by_user as (partition by standing.user_id order by own.seq)
  ), latest as materialized (
    select standing.user_id, standing.seq, standing.balance, greatest(standing.from_seq, max(entry.seq)) as last_seq,
           coalesce((array_agg(entry.balance_after order by entry.seq desc))[1], standing.from_balance) as last_balance
      from standing left join entry using (user_id)
     group by standing.user_id, standing.seq, standing.balance, standing.from_seq, standing.from_balance
  ), moved as (
    insert into public.credit_checkpoints as checked (user_id, seq, balance)
    select user_id, last_seq, last_balance from latest order by user_id
    on conflict (user_id) do update set seq = excluded.seq, balance = excluded.balance, checked_at = now()
     where (checked.seq, checked.balance) is distinct from (excluded.seq, excluded.balance)
  ), finding as (
    select user_id, 'account_missing' as problem, last_balance as expected, null::bigint as found, null as reference
      from latest where seq is null
    union all
    select user_id, 'balance', last_balance, balance, null from latest where balance <> last_balance
    union all
    select user_id, 'position', last_seq, seq, null from latest where seq <> last_seq
    union all
    (select distinct on (user_id) user_id, 'sequence', due_seq, seq, reference
       from entry where seq <> due_seq order by user_id, seq)
    union all
    (select distinct on (user_id) user_id, 'chain', due_balance, balance_after, reference
       from entry where balance_after <> due_balance order by user_id, seq)
    union all
    select entry.user_id, 'refund', coalesce(-charge.delta, 0), entry.delta, entry.reference
      from entry left join public.credit_ledger charge
        on charge.reference = entry.reference and charge.kind = 'charge' and charge.user_id = entry.user_id
     where entry.kind = 'refund' and entry.delta > coalesce(-charge.delta, 0)
  )
  select jsonb_build_object(
    'entries', (select count(*) from entry),
    'findings', (select coalesce(jsonb_agg(to_jsonb(finding)), '[]') from finding))
$function$;

-- The short way for what is mostly right: entries that were written since, each of which has to follow from the one before,
-- the first from where its account stood, and the account has to stand at the last. Where all of that holds the account
-- stands there from now on; `left` are the users where it does not. A run that could not see an entry began before its
-- transaction ended, so no entry after a checkpoint is missing here, and one that was seen before does no harm.
--   → { entries, left: [user_id] }
create function safelight.compare_new_entries(p_from bigint, p_below bigint) returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  with fresh as materialized (
    select user_id, seq, kind, delta, balance_after, reference from public.credit_ledger
     where transaction_id >= p_from and transaction_id < coalesce(p_below, 9223372036854775807)
  ), walked as materialized (
    select fresh.user_id, fresh.seq, fresh.balance_after, lead(fresh.seq) over by_user is null as is_last,
           checked.user_id is null as is_new,
           fresh.seq = lag(fresh.seq, 1, coalesce(checked.seq, 0)) over by_user + 1
             and fresh.balance_after = lag(fresh.balance_after, 1, coalesce(checked.balance, 0)) over by_user + fresh.delta
             and (fresh.kind <> 'refund' or exists (
               select from public.credit_ledger charge
                where charge.reference = fresh.reference and charge.kind = 'charge' and charge.user_id = fresh.user_id
                  and fresh.delta <= -charge.delta)) as is_right
      from fresh left join public.credit_checkpoints checked on checked.user_id = fresh.user_id
     where fresh.seq > coalesce(checked.seq, 0)
    window by_user as (partition by fresh.user_id order by fresh.seq)
  ), wrong as (
    select distinct user_id from walked where not is_right
    union
    select walked.user_id from walked left join public.credit_accounts account on account.user_id = walked.user_id
     where is_last and (account.seq, account.balance) is distinct from (walked.seq, walked.balance_after)
  ), right_ones as materialized (
    select user_id, seq, balance_after, is_new from walked
     where is_last and not exists (select from wrong where wrong.user_id = walked.user_id)
  ), moved as (
    update public.credit_checkpoints checked set seq = right_ones.seq, balance = balance_after, checked_at = now()
      from right_ones where not is_new and checked.user_id = right_ones.user_id
  ), met as (
    insert into public.credit_checkpoints (user_id, seq, balance)
    select user_id, seq, balance_after from right_ones where is_new
  )
  select jsonb_build_object('entries', (select count(*) from walked),
                            'left', (select coalesce(jsonb_agg(user_id), '[]') from wrong))
$function$;

-- Jobs that ended since without a picture, and kept what they cost.
create function safelight.unpaid_refunds(p_since timestamptz, p_until timestamptz) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(jsonb_build_object(
           'user_id', job.user_id, 'problem', 'no_refund', 'expected', job.price, 'found', 0, 'reference', job.id)), '[]')
    from public.generation_jobs job
    join public.credit_references reference on reference.reference = job.id::text
   where job.finished_at >= p_since and job.finished_at < p_until and job.finished_at is not null
     and job.state in ('failed', 'canceled') and job.media = '[]'
     and reference.charged_seq is not null and not reference.closed
$function$;

-- Each once for as long as it is open. Entries never change, so a break in them that somebody has closed is not told again;
-- anything else that is found again after it was closed is there again.
create function safelight.note_discrepancies(p_findings jsonb) returns void
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  insert into public.credit_discrepancies as known (user_id, problem, expected, found, reference)
  select finding.user_id, finding.problem, finding.expected, finding.found, finding.reference
    from jsonb_to_recordset(p_findings)
           as finding (user_id uuid, problem text, expected bigint, found bigint, reference text)
   where finding.problem in ('account_missing', 'balance', 'position') or not exists (
     select from public.credit_discrepancies closed
      where closed.user_id = finding.user_id and closed.problem = finding.problem and closed.closed_at is not null
        and (closed.expected, closed.found, closed.reference)
            is not distinct from (finding.expected, finding.found, finding.reference))
   order by finding.user_id, finding.problem, finding.reference
  on conflict (user_id, problem, (coalesce(reference, ''))) where closed_at is null
  do update set expected = excluded.expected, found = excluded.found, last_found_at = now()
$function$;
create index discrepancies_by_user on public.credit_discrepancies (user_id, problem);

-- ---------------------------------------------------------------------------------------------- reconciling
-- A step of a run: new entries, and the next accounts after p_after, as many as p_limit or as have two hundred thousand entries
-- to read. Go on with the `after` of the answer as long as there is more. The discrepancies of the answer are all that are
-- open, the latest 100 of them listed.
--   → { more, after, discrepancies, summary: { accounts_checked, entries_checked, discrepancies, accounts_affected,
--       discrepancy_rate } }
create function public.reconcile_credit_ledger(p_whole boolean default false, p_after uuid default null,
                                               p_limit integer default 50000)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
declare
  c_entries_max constant integer := 200000;
  c_transactions_max constant bigint := 1000000;
  v_whole boolean := coalesce(p_whole, false);
  v_oldest_running bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_now timestamptz := clock_timestamp();
  v_run public.credit_reconciliation;
  v_from bigint;
  v_to bigint;
  v_begin uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
  v_last uuid;
  v_is_end boolean;
  v_accounts integer;
  v_users uuid[];
  v_read jsonb := '{"entries": 0, "left": []}';
  v_compared jsonb;
  v_open record;
  v_list jsonb;
begin
  if p_limit is null or p_limit < 1 then
    raise exception 'a step looks at one account at least' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_run from public.credit_reconciliation for update;
  -- Transactions that count from lower again: the database was copied into another server.
  v_from := case when v_run.read_to > v_oldest_running then 0 else v_run.read_to end;
  v_to := least(v_oldest_running, v_from + c_transactions_max);
  if not v_whole then
    v_read := safelight.compare_new_entries(v_from, case when v_to < v_oldest_running then v_to end);
  end if;

  -- The next accounts, and of them those to look at, up to the first that would be too much to read.
  with next as materialized (
    select account.user_id, account.seq - case when v_whole then 0 else coalesce(checked.seq, 0) end as entries,
           v_whole or (account.seq, account.balance) is distinct from (checked.seq, checked.balance) as is_due
      from public.credit_accounts account left join public.credit_checkpoints checked using (user_id)
     where account.user_id >= v_begin and account.user_id is distinct from p_after
     order by account.user_id limit p_limit
  ), due as (
    select user_id, row_number() over by_user as place,
           sum(entries::double precision) over (by_user rows unbounded preceding) as entries
      from next where is_due window by_user as (order by user_id)
  ), stop as (
    select user_id from due where place > 1 and entries > c_entries_max order by user_id limit 1
  )
  select count(*), count(*) < p_limit and not exists (select from stop),
         (array_agg(user_id order by user_id desc))[1], coalesce(array_agg(user_id) filter (where is_due), '{}')
    into v_accounts, v_is_end, v_last, v_users
    from next where not exists (select from stop where stop.user_id <= next.user_id);
  if v_whole then
    -- And whoever has entries and no account.
    v_users := array(
      select unnest(v_users) union
      select distinct user_id from public.credit_ledger
       where user_id >= v_begin and user_id is distinct from p_after
         and user_id <= case when v_is_end then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else v_last end);
  end if;
  v_users := array(select unnest(v_users) union select jsonb_array_elements_text(v_read -> 'left')::uuid);

  v_compared := safelight.compare_accounts(v_users, v_whole);
  perform safelight.note_discrepancies(v_compared -> 'findings');
  if p_after is null then
    -- Ten minutes more than since the last run: no transaction of ours takes as long.
    perform safelight.note_discrepancies(safelight.unpaid_refunds(
      case when v_whole then '-infinity' else v_run.jobs_read_to - interval '10 minutes' end, v_now));
  end if;
  update public.credit_reconciliation
     set read_to = case when v_whole then v_run.read_to else v_to end,
         jobs_read_to = case when p_after is null then v_now else v_run.jobs_read_to end;

  select count(*) as discrepancies, count(distinct user_id) as accounts into v_open
    from public.credit_discrepancies where closed_at is null;
  select coalesce(jsonb_agg(to_jsonb(latest) - 'closed_at' - 'note' order by last_found_at desc, id), '[]') into v_list from (
    select * from public.credit_discrepancies where closed_at is null order by last_found_at desc, id limit 100
  ) latest;
  return jsonb_build_object(
    'more', not v_is_end or (not v_whole and v_to < v_oldest_running),
    'after', coalesce(v_last, p_after),
    'discrepancies', v_list,
    'summary', jsonb_build_object(
      'accounts_checked', v_accounts,
      'entries_checked', (v_read ->> 'entries')::bigint + (v_compared ->> 'entries')::bigint,
      'discrepancies', v_open.discrepancies,
      'accounts_affected', v_open.accounts,
      'discrepancy_rate', least(1, round(v_open.accounts::numeric / greatest(v_accounts, 1), 6))));
end
$function$;

-- Somebody has looked at it; false where it is not open.
create function public.close_discrepancy(p_id uuid, p_note text) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
begin
  if coalesce(trim(p_note), '') = '' then
    raise exception 'whoever closes a discrepancy says why' using errcode = 'invalid_parameter_value';
  end if;
  update public.credit_discrepancies set closed_at = now(), note = p_note where id = p_id and closed_at is null;
  return to_jsonb(found);
end
$function$;

-- ---------------------------------------------------------------------------------------------- anomalies
-- What somebody should look at, though most of it will have a reason, of the last hours; a month at most, and p_limit of
-- each kind.
--   → { hours, anomalies: [{ kind, user_id, reference, at, expected, found }] }
create function public.detect_anomalies(p_hours integer default 24, p_limit integer default 100) returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $function$
declare
  v_now timestamptz := clock_timestamp();
  v_since timestamptz := v_now - make_interval(hours => p_hours);
  v_anomalies jsonb;
begin
  if p_hours is null or p_hours not between 1 and 744 or p_limit is null or p_limit < 1 then
    raise exception 'anomalies are of 1 to 744 hours' using errcode = 'invalid_parameter_value';
  end if;
  with recent as materialized (
    select user_id, seq, kind, delta, reference, description, created_at from public.credit_ledger
     where created_at >= v_since
  ), compared as (
    -- Whoever moved lately, and whoever does not stand where the last run left them.
    select account.*, ledger.seq as last_seq, ledger.balance_after as last_balance, ledger.created_at as last_at
      from (
        select user_id from recent
        union
        select account.user_id
          from public.credit_accounts account left join public.credit_checkpoints checked using (user_id)
         where (account.seq, account.balance) is distinct from (checked.seq, checked.balance)
      ) users
      join public.credit_accounts account using (user_id)
      left join lateral (
        select seq, balance_after, created_at from public.credit_ledger
         where user_id = account.user_id order by seq desc limit 1
      ) ledger on true
  ), refund as (
    select user_id, created_at, lag(created_at, 2) over (partition by user_id order by seq) as third_last_at
      from recent where kind = 'refund'
  ), spend as (
    select top.*, usual.median
      from (select * from (
              select distinct on (user_id) user_id, seq, -delta as amount, reference, created_at
                from recent where kind = 'charge' order by user_id, delta, seq desc
            ) each_ones order by amount desc limit 10000) top     -- of more than can be looked into, the largest
      cross join lateral (
        select percentile_cont(0.5) within group (order by -delta) as median, count(*) as charges from (
          select delta from public.credit_ledger
           where user_id = top.user_id and kind = 'charge' and seq <> top.seq order by seq desc limit 100
        ) other
      ) usual
     where usual.charges >= 3 and top.amount >= 10 * usual.median
  ), odd as (
    select 'frozen_balance' as kind, user_id, null as reference, last_at as at, last_seq as expected, seq as found
      from compared where last_seq > seq
    union all
    select 'drifting_balance', user_id, null, coalesce(last_at, created_at), coalesce(last_balance, 0), balance
      from compared where balance <> coalesce(last_balance, 0)
    union all
    select 'many_refunds', user_id, null, max(created_at), 2, count(*) + 2
      from refund where created_at - third_last_at <= interval '1 hour' group by user_id
    union all
    select 'grant_without_reason', user_id, reference, created_at, null, delta
      from recent where kind in ('grant', 'adjustment') and trim(description) = ''
    union all
    select 'unusual_spend', user_id, reference, created_at, round(median)::bigint, amount from spend
    union all
    -- In seconds. A job waits until `queue_until`, then runs until `run_until`.
    select 'overdue_job', user_id, id::text, created_at, round(extract(epoch from allowed))::bigint,
           floor(extract(epoch from v_now - begun_at))::bigint
      from (
        select job.*, begun.begun_at, coalesce(run_until, queue_until) - begun.begun_at as allowed
          from public.generation_jobs job cross join lateral (
            select case when run_until is null then job.created_at else coalesce(
              safelight.from_ms((job.attempt ->> 'acceptedAt')::double precision),
              safelight.from_ms((job.attempt ->> 'startedAt')::double precision), job.created_at) end as begun_at
          ) begun
         where finished_at is null
      ) open_job
     where v_now - begun_at > 2 * allowed
  ), counted as (
    select odd.*, row_number() over (partition by kind order by at desc) as place from odd
  )
  select coalesce(jsonb_agg(to_jsonb(counted) - 'place' order by kind, at desc), '[]') into v_anomalies
    from counted where place <= p_limit;
  return jsonb_build_object('hours', p_hours, 'anomalies', v_anomalies);
end
$function$;

perform safelight.close_tables('credit_checkpoints', 'credit_reconciliation');
perform safelight.close_functions('reconcile_credit_ledger', 'close_discrepancy', 'detect_anomalies');

-- ---------------------------------------------------------------------------------------------- reports
-- To read in an SQL editor; database/reports asks them. They show what their reader may see.
create view safelight.open_discrepancies with (security_invoker = on) as
  select finding.id, finding.user_id, finding.problem, finding.expected, finding.found, finding.reference, account.balance,
         finding.found_at, finding.last_found_at
    from public.credit_discrepancies finding left join public.credit_accounts account on account.user_id = finding.user_id
   where finding.closed_at is null;

insert into public.safelight_migrations (version, name, checksum) values (14, '000014_reconciliation', '910dcdb4f30d9e614b3a7fa8cfa66c93eea495be65f1dba49330430704049c28');
end
$migration$;
