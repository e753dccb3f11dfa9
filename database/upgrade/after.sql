-- After the migrations: brings balances, history and jobs of the original app over from the schema `original`, each user
-- once. Run it again whenever something was missing: who is here already is passed over. Rows that say nothing usable are
-- left where they are and listed at the end.
do $upgrade$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
-- One after the other: a statement about a table that is not there fails before anything of it is looked at.
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply the migrations first';
end if;
if not exists (select from public.safelight_migrations where version = 14) then
  raise exception 'apply the migrations first, all of them';
end if;
if to_regclass('original.users') is null then
  raise exception 'there is nothing to bring over: database/upgrade/before.sql moved no tables of the original app';
end if;

-- ---------------------------------------------------------------------------------------------- what is there
-- Read as JSON, because nobody knows which columns every version of that app had.
create table if not exists original.credit_ledger (id bigint);
create table if not exists original.generation_jobs (id bigint);
create table if not exists original.brought_over (
  user_id    uuid primary key,
  credits    bigint not null,                   -- as the original app had it
  balance    bigint not null,                   -- as it is here
  entries    bigint not null,
  brought_at timestamptz not null default now()
);

create or replace function original.as_user(p_text text) returns uuid
language sql immutable set search_path = '' as $function$
  select case when p_text ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then p_text::uuid end
$function$;
-- Of whatever an id was; the same each time.
create or replace function original.as_job(p_text text) returns uuid
language sql immutable set search_path = '' as $function$
  select coalesce(original.as_user(p_text), md5('original job ' || p_text)::uuid)
$function$;
create or replace function original.as_credits(p_text text) returns bigint
language sql immutable set search_path = '' as $function$
  select case when p_text ~ '^-?[0-9]{1,12}(\.[0-9]+)?$' then round(p_text::numeric)::bigint end
$function$;
create or replace function original.as_time(p_text text) returns timestamptz
language plpgsql stable set search_path = '' as $function$
begin
  return p_text::timestamptz;
exception when data_exception then
  return null;
end
$function$;

create or replace view original.people_read with (security_invoker = on) as
  select original.as_user(row ->> 'id') as user_id, original.as_credits(row ->> 'credits') as credits, row ->> 'email' as email
    from (select to_jsonb(person) as row from original.users person) read;

create or replace view original.entries_read with (security_invoker = on) as
  select row ->> 'id' as id, original.as_user(row ->> 'user_id') as user_id, original.as_credits(row ->> 'delta') as delta,
         original.as_job(coalesce(row ->> 'job_id', row ->> 'generation_job_id', row -> 'metadata' ->> 'job_id')) as job_id,
         coalesce(row ->> 'operation_type', row ->> 'type', row ->> 'reason', '') as operation,
         concat_ws(' ', row ->> 'operation_type', row ->> 'type', row ->> 'reason', row ->> 'description') ~* 'refund' as is_refund,
         original.as_time(row ->> 'created_at') as created_at
    from (select to_jsonb(entry) as row from original.credit_ledger entry) read;

create or replace view original.jobs_read with (security_invoker = on) as
  select original.as_job(row ->> 'id') as id, original.as_user(row ->> 'user_id') as user_id,
         coalesce(row ->> 'model', row ->> 'model_id', 'original') as model,
         case when row ->> 'operation_type' ~* 'video' then 'video' when row ->> 'operation_type' ~* 'edit' then 'edit'
           else 'image' end as kind,
         original.as_credits(row ->> 'cost') as price, left(coalesce(row ->> 'prompt', ''), 10000) as prompt,
         case when row ->> 'status' ~* '^(succe|complete|done|finished)' then 'succeeded'
           when row ->> 'status' ~* '^cancel' then 'canceled' when row ->> 'status' ~* '^(fail|error|refund|timeout|timed)' then 'failed'
           else 'open' end as ended,
         original.as_time(row ->> 'created_at') as created_at,
         original.as_time(coalesce(row ->> 'completed_at', row ->> 'finished_at', row ->> 'updated_at', row ->> 'created_at')) as ended_at
    from (select to_jsonb(job) as row from original.generation_jobs job) read;

-- ---------------------------------------------------------------------------------------------- who comes now
create temporary table arriving on commit drop as
  select distinct on (user_id) user_id, credits, greatest(credits, 0) as target, email from original.people_read person
   where user_id is not null and credits is not null
     and not exists (select from original.brought_over here where here.user_id = person.user_id)
   order by user_id;
-- Temporary tables have no statistics of their own accord, and without them the steps below are quadratic.
analyze arriving;
insert into public.credit_accounts (user_id) select user_id from arriving on conflict do nothing;
-- Nobody spends meanwhile.
perform from public.credit_accounts where user_id in (select user_id from arriving) order by user_id for no key update;

create temporary table job on commit drop as
  select distinct on (read.id) read.*, 0::bigint as refunded from original.jobs_read read join arriving using (user_id)
   where read.id is not null and read.price between 0 and 2147483647 order by read.id;
analyze job;

-- The history of each, in its order, and what every step of it was.
create temporary table step on commit drop as
  select entry.user_id, row_number() over by_time as place, sum(entry.delta) over by_time as so_far, entry.id, entry.delta,
         job.id as job_id, entry.operation, entry.is_refund, entry.created_at, null::text as kind, null::text as reference
    from original.entries_read entry join arriving using (user_id)
    left join job on job.id = entry.job_id and job.user_id = entry.user_id
   where entry.delta <> 0
  window by_time as (partition by entry.user_id order by entry.created_at nulls first, length(entry.id), entry.id);
update step set kind = case when delta < 0 then 'charge' when is_refund then 'adjustment' else 'grant' end,
                reference = 'original:' || user_id || ':' || place;
analyze step;
-- A job has one charge and at most one refund, of no more than was charged; they share its id.
update step set reference = first.job_id::text from (
  select distinct on (job_id) job_id, user_id, place from step where kind = 'charge' and job_id is not null order by job_id, place
) first where (step.user_id, step.place) = (first.user_id, first.place);
analyze step;
update step set kind = 'refund', reference = first.job_id::text from (
  select distinct on (back.job_id) back.job_id, back.user_id, back.place from step back
    join step charge on charge.reference = back.job_id::text and charge.kind = 'charge'
   where back.kind in ('adjustment', 'grant') and back.is_refund and back.place > charge.place and back.delta <= -charge.delta
   order by back.job_id, back.place
) first where (step.user_id, step.place) = (first.user_id, first.place);
analyze step;

-- ---------------------------------------------------------------------------------------------- the ledger
-- Around the history: the bonus that the migrations gave is taken back, credits that were there before the first entry are
-- put in front, and what the entries do not explain comes at the end. Of a job that never ended the charge is given back.
create temporary table line on commit drop as
with bonus as (
  select arriving.user_id, least(account.balance, coalesce(given.delta, 0)) as credits
    from arriving join public.credit_accounts account using (user_id)
    left join public.credit_ledger given on given.reference = 'signup:' || arriving.user_id and given.kind = 'grant'
), history as (
  select arriving.user_id, arriving.target, coalesce(min(step.created_at), now()) as began_at,
         coalesce(sum(step.delta), 0) as total, greatest(0, -coalesce(min(step.so_far), 0)) as before
    from arriving left join step using (user_id) group by arriving.user_id, arriving.target
)
select user_id, 1 as part, 1::bigint as place, 'adjustment' as kind, -credits as delta, 'original:bonus:' || user_id as reference,
       null::uuid as job_id, 'Sign-up bonus, given by the original app already' as description, '{}'::jsonb as metadata, now() as created_at
  from bonus where credits > 0
union all
select user_id, 2, 1, 'adjustment', before, 'original:before:' || user_id, null, 'Credits from before the first entry', '{}', began_at
  from history where before > 0
union all
select user_id, 3, place, kind, delta, reference, job_id, left(coalesce(nullif(operation, ''), kind), 200),
       jsonb_build_object('original', id), coalesce(created_at, now())
  from step
union all
select user_id, 4, 1, 'adjustment', target - before - total, 'original:balance:' || user_id, null,
       'To the balance of the original app', '{}', now()
  from history where target - before - total <> 0
union all
select step.user_id, 5, step.place, 'refund', -step.delta, step.reference, step.job_id, 'The original app never finished this job',
       jsonb_build_object('original', step.id), now()
  from step join job on job.id = step.job_id
 where step.kind = 'charge' and step.reference = job.id::text and job.ended = 'open'
   and not exists (select from step back where back.kind = 'refund' and back.reference = step.reference);
analyze line;

create temporary table numbered on commit drop as
  select line.*, account.seq + row_number() over in_order as seq, account.balance + sum(delta) over in_order as balance_after
    from line join public.credit_accounts account using (user_id)
  window in_order as (partition by line.user_id order by part, place);
analyze numbered;
insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, job_id, description, metadata, created_at)
  select user_id, seq, kind, delta, balance_after, reference, job_id, description, metadata, created_at
    from numbered order by user_id, seq;
insert into public.credit_references (reference, user_id, charged_seq, refunded_seq, closed)
  select charge.reference, charge.user_id, charge.seq, back.seq, back.seq is not null or coalesce(job.ended in ('failed', 'canceled'), false)
    from numbered charge
    left join numbered back on back.reference = charge.reference and back.kind = 'refund'
    left join job on job.id::text = charge.reference
   where charge.kind = 'charge';
update public.credit_accounts account set balance = last.balance_after, seq = last.seq from (
  select distinct on (user_id) user_id, seq, balance_after from numbered order by user_id, seq desc
) last where account.user_id = last.user_id;

-- ---------------------------------------------------------------------------------------------- jobs, and who is here
insert into public.generation_jobs (id, user_id, model, kind, input, price, count, request_hash, state, refunded_credits,
                                    failure, queue_until, created_at, finished_at)
  select job.id, job.user_id, job.model, job.kind,
         jsonb_build_object('prompt', job.prompt, 'size', 'square', 'count', 1, 'seed', 0), job.price, 1, 'original',
         case job.ended when 'open' then 'failed' else job.ended end, least(coalesce(back.delta, 0), job.price),
         case when job.ended in ('failed', 'open') then jsonb_build_object('code', 'provider_failed', 'paid', 'unknown',
           'message', case job.ended when 'open' then 'The app before this one never finished this job.'
             else 'The job failed in the app before this one.' end) end,
         coalesce(job.created_at, now()), coalesce(job.created_at, now()), coalesce(job.ended_at, job.created_at, now())
    from job left join numbered back on back.reference = job.id::text and back.kind = 'refund'
  on conflict do nothing;
-- One bonus for each person, and these had theirs.
insert into public.signup_bonuses (email_hash, user_id)
  select distinct on (hash) hash, user_id from (
    select safelight.email_hash(address.email) as hash, address.user_id from (
      select user_id, email from arriving union all
      select arriving.user_id, known.email from arriving join auth.users known on known.id = arriving.user_id
    ) address where address.email like '%_@_%'
  ) hashed order by hash, user_id
  on conflict do nothing;
insert into original.brought_over (user_id, credits, balance, entries)
  select arriving.user_id, arriving.credits, account.balance, count(numbered.seq)
    from arriving join public.credit_accounts account using (user_id) left join numbered using (user_id)
   group by arriving.user_id, arriving.credits, account.balance;

-- ---------------------------------------------------------------------------------------------- what to look at
create or replace view original.left_behind with (security_invoker = on) as
  select 'a user without a usable id or credits' as what, row from (select to_jsonb(person) as row from original.users person) read
   where original.as_user(row ->> 'id') is null or original.as_credits(row ->> 'credits') is null
  union all
  select 'a user with a negative balance, who has 0 here', to_jsonb(person) from original.people_read person where credits < 0
  union all
  select 'an entry of no known user, or without a usable amount', to_jsonb(entry) from original.entries_read entry
   where coalesce(delta, 0) = 0 or not exists (select from original.brought_over here where here.user_id = entry.user_id)
  union all
  select 'a job of no known user, or without a usable id or cost', to_jsonb(job) from original.jobs_read job
   where id is null or price is null or price not between 0 and 2147483647
      or not exists (select from original.brought_over here where here.user_id = job.user_id)
  union all
  select 'a failed job that was paid and never given back: grant it if you want to', to_jsonb(job)
    from public.generation_jobs job join public.credit_references reference on reference.reference = job.id::text
   where job.request_hash = 'original' and job.state in ('failed', 'canceled') and reference.charged_seq is not null
     and reference.refunded_seq is null;
end
$upgrade$;

select (select count(*) from original.brought_over) as users, (select sum(credits) from original.brought_over) as credits_there,
       (select sum(balance) from original.brought_over) as credits_here, what, count(left_behind.what) as rows
  from (values (1)) always left join original.left_behind on true group by what order by what;
