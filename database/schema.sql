-- The schema after all migrations. Written by packages/postgres/dev/schema.ts; apply the migrations, never this file.

create schema safelight;

-- ---------------------------------------------------------------------------------------------------- tables

create table api_keys (
  id uuid not null,
  user_id uuid not null,
  name text not null,
  prefix text not null,
  key_hash bytea not null,
  created_at timestamp with time zone default now() not null,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint api_keys_key_hash_key UNIQUE (key_hash),
  constraint api_keys_pkey PRIMARY KEY (id)
);
alter table api_keys enable row level security;

create table app_settings (
  setting_key text not null,
  setting_value jsonb not null,
  updated_at timestamp with time zone default now() not null,
  constraint app_settings_pkey PRIMARY KEY (setting_key),
  constraint setting_fits CHECK (
CASE setting_key
    WHEN 'app_enabled'::text THEN (jsonb_typeof(setting_value) = 'boolean'::text)
    WHEN 'disabled_models'::text THEN (jsonb_typeof(setting_value) = 'array'::text)
    WHEN 'limits'::text THEN ((jsonb_typeof(setting_value) = 'object'::text) AND (setting_value ?& ARRAY['userPerMinute'::text, 'ipPerMinute'::text, 'windowSeconds'::text]) AND ((((setting_value ->> 'userPerMinute'::text))::integer >= 1) AND (((setting_value ->> 'userPerMinute'::text))::integer <= 1000)) AND ((((setting_value ->> 'ipPerMinute'::text))::integer >= 1) AND (((setting_value ->> 'ipPerMinute'::text))::integer <= 1000)) AND ((((setting_value ->> 'windowSeconds'::text))::integer >= 1) AND (((setting_value ->> 'windowSeconds'::text))::integer <= 86400)))
    WHEN 'signup_bonus'::text THEN ((jsonb_typeof(setting_value) = 'number'::text) AND ((((setting_value #>> '{}'::text[]))::integer >= 0) AND (((setting_value #>> '{}'::text[]))::integer <= 1000000000)))
    WHEN 'retention_days'::text THEN ((jsonb_typeof(setting_value) = 'number'::text) AND ((((setting_value #>> '{}'::text[]))::integer >= 1) AND (((setting_value #>> '{}'::text[]))::integer <= 36500)))
    WHEN 'free_cancels_per_day'::text THEN ((jsonb_typeof(setting_value) = 'number'::text) AND ((((setting_value #>> '{}'::text[]))::integer >= 0) AND (((setting_value #>> '{}'::text[]))::integer <= 1000)))
    ELSE true
END)
);
alter table app_settings enable row level security;

create table audit_log (
  id uuid default gen_random_uuid() not null,
  created_at timestamp with time zone default now() not null,
  actor uuid,
  action text not null,
  subject text,
  details jsonb default '{}'::jsonb not null,
  constraint audit_log_pkey PRIMARY KEY (id)
);
alter table audit_log enable row level security;

create table credit_accounts (
  user_id uuid not null,
  balance bigint default 0 not null,
  seq bigint default 0 not null,
  created_at timestamp with time zone default now() not null,
  constraint balance_never_negative CHECK ((balance >= 0)),
  constraint credit_accounts_pkey PRIMARY KEY (user_id)
) with (fillfactor=70);
alter table credit_accounts enable row level security;

create table credit_checkpoints (
  user_id uuid not null,
  seq bigint not null,
  balance bigint not null,
  checked_at timestamp with time zone default now() not null,
  constraint credit_checkpoints_pkey PRIMARY KEY (user_id)
) with (fillfactor=80);
alter table credit_checkpoints enable row level security;

create table credit_discrepancies (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  problem text not null,
  expected bigint,
  found bigint,
  found_at timestamp with time zone default now() not null,
  closed_at timestamp with time zone,
  reference text,
  last_found_at timestamp with time zone default now() not null,
  note text,
  constraint credit_discrepancies_pkey PRIMARY KEY (id)
);
alter table credit_discrepancies enable row level security;

create table credit_ledger (
  user_id uuid not null,
  seq bigint not null,
  kind text not null,
  delta bigint not null,
  balance_after bigint not null,
  reference text not null,
  job_id uuid,
  description text not null,
  metadata jsonb default '{}'::jsonb not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  transaction_id bigint default ((pg_current_xact_id())::text)::bigint not null,
  constraint credit_ledger_balance_after_check CHECK ((balance_after >= 0)),
  constraint credit_ledger_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'charge'::text, 'refund'::text, 'adjustment'::text]))),
  constraint credit_ledger_pkey PRIMARY KEY (user_id, seq),
  constraint credit_ledger_seq_check CHECK ((seq > 0)),
  constraint once_per_reference UNIQUE (reference, kind),
  constraint sign_fits_kind CHECK (
CASE kind
    WHEN 'charge'::text THEN (delta < 0)
    WHEN 'adjustment'::text THEN (delta <> 0)
    ELSE (delta > 0)
END)
);
alter table credit_ledger enable row level security;

create table credit_reconciliation (
  only_one boolean default true not null,
  read_to bigint not null,
  jobs_read_to timestamp with time zone not null,
  constraint credit_reconciliation_only_one_check CHECK (only_one),
  constraint credit_reconciliation_pkey PRIMARY KEY (only_one)
);
alter table credit_reconciliation enable row level security;

create table credit_references (
  reference text not null,
  user_id uuid,
  charged_seq bigint,
  refunded_seq bigint,
  closed boolean default false not null,
  constraint charge_has_its_user CHECK (((charged_seq IS NULL) OR (user_id IS NOT NULL))),
  constraint credit_references_pkey PRIMARY KEY (reference),
  constraint refund_has_its_charge CHECK (((refunded_seq IS NULL) OR ((charged_seq IS NOT NULL) AND closed)))
) with (fillfactor=80);
alter table credit_references enable row level security;

create table edited_images (
  id uuid not null,
  kind text not null,
  user_id uuid not null,
  job_id uuid,
  index integer default 0 not null,
  storage_key text not null,
  content_type text not null,
  bytes bigint not null,
  width integer,
  height integer,
  duration double precision,
  hash text not null,
  placeholder text,
  saved boolean default false not null,
  starred boolean default false not null,
  expires_at timestamp with time zone,
  archived_at timestamp with time zone,
  deleted_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  file_gone_at timestamp with time zone,
  constraint media_bytes_check CHECK ((bytes > 0)),
  constraint media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'edit'::text, 'video'::text, 'upload'::text])))
) partition of media FOR VALUES IN ('edit');
alter table edited_images enable row level security;

create table generation_jobs (
  id uuid not null,
  user_id uuid not null,
  model text not null,
  kind text not null,
  input jsonb not null,
  price integer not null,
  count integer not null,
  idempotency_key text,
  request_hash text not null,
  request_id text,
  state text not null,
  version integer default 1 not null,
  revision integer default 1 not null,
  attempt jsonb,
  operation jsonb,
  outputs jsonb,
  media jsonb default '[]'::jsonb not null,
  progress jsonb,
  failure jsonb,
  ending text,
  refunded_credits integer default 0 not null,
  troubles jsonb,
  queue_until timestamp with time zone not null,
  run_until timestamp with time zone,
  wake_at timestamp with time zone default clock_timestamp() not null,
  lease_until timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  finished_at timestamp with time zone,
  blanked_at timestamp with time zone,
  constraint ended_jobs_have_a_time CHECK (((state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'canceled'::text])) = (finished_at IS NOT NULL))),
  constraint generation_jobs_count_check CHECK ((count > 0)),
  constraint generation_jobs_ending_check CHECK ((ending = ANY (ARRAY['failed'::text, 'canceled'::text]))),
  constraint generation_jobs_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'edit'::text, 'video'::text]))),
  constraint generation_jobs_pkey PRIMARY KEY (id),
  constraint generation_jobs_price_check CHECK ((price >= 0)),
  constraint generation_jobs_state_check CHECK ((state = ANY (ARRAY['created'::text, 'charged'::text, 'submitting'::text, 'running'::text, 'storing'::text, 'refunding'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text])))
) with (fillfactor=80);
alter table generation_jobs enable row level security;

create table images (
  id uuid not null,
  kind text not null,
  user_id uuid not null,
  job_id uuid,
  index integer default 0 not null,
  storage_key text not null,
  content_type text not null,
  bytes bigint not null,
  width integer,
  height integer,
  duration double precision,
  hash text not null,
  placeholder text,
  saved boolean default false not null,
  starred boolean default false not null,
  expires_at timestamp with time zone,
  archived_at timestamp with time zone,
  deleted_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  file_gone_at timestamp with time zone,
  constraint media_bytes_check CHECK ((bytes > 0)),
  constraint media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'edit'::text, 'video'::text, 'upload'::text])))
) partition of media FOR VALUES IN ('image');
alter table images enable row level security;

create table job_attempts (
  id uuid not null,
  job_id uuid,
  number integer,
  provider text not null,
  endpoint text not null,
  token text not null,
  account text not null,
  lane text not null,
  outcome text default 'open'::text not null,
  operation jsonb,
  refusal jsonb,
  provider_request_id text,
  provider_cost numeric(12,6),
  provider_cost_source text,
  acquired_at timestamp with time zone default clock_timestamp() not null,
  started_at timestamp with time zone,
  accepted_at timestamp with time zone,
  cancel_asked_at timestamp with time zone,
  ended_at timestamp with time zone,
  constraint job_attempts_job_id_fkey FOREIGN KEY (job_id) REFERENCES generation_jobs(id),
  constraint job_attempts_lane_check CHECK ((lane = ANY (ARRAY['image'::text, 'video'::text]))),
  constraint job_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['open'::text, 'accepted'::text, 'refused'::text, 'unknown'::text, 'late'::text]))),
  constraint job_attempts_pkey PRIMARY KEY (id),
  constraint started_attempts_have_a_job CHECK (((started_at IS NULL) OR ((job_id IS NOT NULL) AND (number IS NOT NULL))))
) with (fillfactor=80);
alter table job_attempts enable row level security;

create table media (
  id uuid not null,
  kind text not null,
  user_id uuid not null,
  job_id uuid,
  index integer default 0 not null,
  storage_key text not null,
  content_type text not null,
  bytes bigint not null,
  width integer,
  height integer,
  duration double precision,
  hash text not null,
  placeholder text,
  saved boolean default false not null,
  starred boolean default false not null,
  expires_at timestamp with time zone,
  archived_at timestamp with time zone,
  deleted_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  file_gone_at timestamp with time zone,
  constraint media_bytes_check CHECK ((bytes > 0)),
  constraint media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'edit'::text, 'video'::text, 'upload'::text]))),
  constraint media_kind_job_id_index_key UNIQUE (kind, job_id, index),
  constraint media_pkey PRIMARY KEY (kind, id)
) partition by LIST (kind);
alter table media enable row level security;

create table profiles (
  user_id uuid not null,
  name text,
  role text default 'user'::text not null,
  created_at timestamp with time zone default now() not null,
  constraint profiles_pkey PRIMARY KEY (user_id),
  constraint profiles_role_check CHECK ((role = ANY (ARRAY['user'::text, 'admin'::text]))),
  constraint profiles_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);
alter table profiles enable row level security;

create table provider_accounts (
  provider text not null,
  account text not null,
  lane text not null,
  state jsonb default '{}'::jsonb not null,
  version integer default 0 not null,
  per_minute integer,
  max_open integer,
  paced_at timestamp with time zone,
  queued_until timestamp with time zone,
  constraint provider_accounts_lane_check CHECK ((lane = ANY (ARRAY[''::text, 'image'::text, 'video'::text]))),
  constraint provider_accounts_pkey PRIMARY KEY (provider, account, lane)
) with (fillfactor=70);
alter table provider_accounts enable row level security;

create table provider_logs (
  id uuid default gen_random_uuid() not null,
  created_at timestamp with time zone default now() not null,
  provider text not null,
  token text not null,
  job_id uuid,
  attempt_id uuid,
  action text not null,
  status integer,
  outcome text not null,
  latency_ms double precision not null,
  constraint provider_logs_pkey PRIMARY KEY (id)
);
alter table provider_logs enable row level security;

create table provider_tokens (
  provider text not null,
  token text not null,
  model text not null,
  token_hash bytea,
  state jsonb default '{}'::jsonb not null,
  version integer default 0 not null,
  account text,
  constraint provider_tokens_pkey PRIMARY KEY (provider, token, model)
) with (fillfactor=70);
alter table provider_tokens enable row level security;

create table rate_limits (
  key text not null,
  hits timestamp with time zone[] not null,
  expires_at timestamp with time zone not null,
  constraint rate_limits_pkey PRIMARY KEY (key)
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0.05);
alter table rate_limits enable row level security;

create table safelight_migrations (
  version integer not null,
  name text not null,
  checksum text not null,
  breaking boolean default false not null,
  applied_at timestamp with time zone default now() not null,
  constraint safelight_migrations_name_key UNIQUE (name),
  constraint safelight_migrations_pkey PRIMARY KEY (version)
);
alter table safelight_migrations enable row level security;

create table shares (
  code text not null,
  user_id uuid not null,
  media_kind text not null,
  media_id uuid not null,
  created_at timestamp with time zone default now() not null,
  revoked_at timestamp with time zone,
  constraint shares_media_kind_media_id_fkey FOREIGN KEY (media_kind, media_id) REFERENCES media(kind, id),
  constraint shares_pkey PRIMARY KEY (code)
);
alter table shares enable row level security;

create table signup_bonuses (
  email_hash bytea not null,
  user_id uuid not null,
  granted_at timestamp with time zone default now() not null,
  constraint signup_bonuses_pkey PRIMARY KEY (email_hash)
);
alter table signup_bonuses enable row level security;

create table upkeep_runs (
  task text not null,
  claimed_at timestamp with time zone not null,
  constraint upkeep_runs_pkey PRIMARY KEY (task)
);
alter table upkeep_runs enable row level security;

create table uploads (
  id uuid not null,
  kind text not null,
  user_id uuid not null,
  job_id uuid,
  index integer default 0 not null,
  storage_key text not null,
  content_type text not null,
  bytes bigint not null,
  width integer,
  height integer,
  duration double precision,
  hash text not null,
  placeholder text,
  saved boolean default false not null,
  starred boolean default false not null,
  expires_at timestamp with time zone,
  archived_at timestamp with time zone,
  deleted_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  file_gone_at timestamp with time zone,
  constraint media_bytes_check CHECK ((bytes > 0)),
  constraint media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'edit'::text, 'video'::text, 'upload'::text])))
) partition of media FOR VALUES IN ('upload');
alter table uploads enable row level security;

create table videos (
  id uuid not null,
  kind text not null,
  user_id uuid not null,
  job_id uuid,
  index integer default 0 not null,
  storage_key text not null,
  content_type text not null,
  bytes bigint not null,
  width integer,
  height integer,
  duration double precision,
  hash text not null,
  placeholder text,
  saved boolean default false not null,
  starred boolean default false not null,
  expires_at timestamp with time zone,
  archived_at timestamp with time zone,
  deleted_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  file_gone_at timestamp with time zone,
  constraint media_bytes_check CHECK ((bytes > 0)),
  constraint media_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'edit'::text, 'video'::text, 'upload'::text])))
) partition of media FOR VALUES IN ('video');
alter table videos enable row level security;

create table webhook_deliveries (
  provider text not null,
  delivery_id text not null,
  received_at timestamp with time zone default now() not null,
  constraint webhook_deliveries_pkey PRIMARY KEY (provider, delivery_id)
);
alter table webhook_deliveries enable row level security;

-- ---------------------------------------------------------------------------------------------------- views

-- view safelight.balances_against_sums with (security_invoker=on)
--   user_id uuid
--   balance bigint
--   sum_of_entries bigint
--   difference bigint
--   seq bigint
--   entries bigint

-- view safelight.jobs_over_limits with (security_invoker=on)
--   id uuid
--   user_id uuid
--   model text
--   state text
--   provider text
--   created_at timestamp with time zone
--   due_at timestamp with time zone
--   late_by interval

-- view safelight.open_discrepancies with (security_invoker=on)
--   id uuid
--   user_id uuid
--   problem text
--   expected bigint
--   found bigint
--   reference text
--   balance bigint
--   found_at timestamp with time zone
--   last_found_at timestamp with time zone

-- view safelight.provider_success with (security_invoker=on)
--   provider text
--   day date
--   jobs bigint
--   succeeded bigint
--   success_rate numeric
--   median_seconds double precision

-- view safelight.spend_by_day with (security_invoker=on)
--   day date
--   model text
--   charges bigint
--   charged bigint
--   refunded bigint
--   spent bigint

-- ---------------------------------------------------------------------------------------------------- indexes

CREATE INDEX api_keys_by_user ON public.api_keys USING btree (user_id, created_at DESC);
CREATE INDEX audit_log_by_time ON public.audit_log USING btree (created_at DESC);
CREATE INDEX credit_discrepancies_open ON public.credit_discrepancies USING btree (user_id) WHERE (closed_at IS NULL);
CREATE INDEX discrepancies_by_user ON public.credit_discrepancies USING btree (user_id, problem);
CREATE UNIQUE INDEX discrepancy_once ON public.credit_discrepancies USING btree (user_id, problem, COALESCE(reference, ''::text)) WHERE (closed_at IS NULL);
CREATE INDEX ledger_by_transaction ON public.credit_ledger USING brin (transaction_id, created_at) WITH (pages_per_range='16', autosummarize='on');
CREATE INDEX jobs_by_user ON public.generation_jobs USING btree (user_id, created_at DESC);
CREATE INDEX jobs_due ON public.generation_jobs USING btree (wake_at) WHERE (finished_at IS NULL);
CREATE INDEX jobs_due_by_user ON public.generation_jobs USING btree (user_id, wake_at) WHERE (finished_at IS NULL);
CREATE INDEX jobs_ended ON public.generation_jobs USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX jobs_succeeded ON public.generation_jobs USING btree (model, finished_at DESC) WHERE (state = 'succeeded'::text);
CREATE INDEX jobs_to_blank ON public.generation_jobs USING btree (finished_at) WHERE ((finished_at IS NOT NULL) AND (blanked_at IS NULL));
CREATE UNIQUE INDEX once_per_key ON public.generation_jobs USING btree (user_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX attempts_lately ON public.job_attempts USING btree ((((((provider || ' '::text) || account) || ' '::text) || lane)), acquired_at);
CREATE INDEX attempts_of_job ON public.job_attempts USING btree (job_id, number);
CREATE INDEX attempts_open ON public.job_attempts USING btree (provider, account, lane) WHERE (ended_at IS NULL);
CREATE INDEX media_by_id ON ONLY public.media USING btree (id);
CREATE INDEX media_by_job ON ONLY public.media USING btree (job_id, index);
CREATE INDEX media_by_key ON ONLY public.media USING btree (storage_key);
CREATE INDEX media_by_user ON ONLY public.media USING btree (user_id, created_at DESC);
CREATE INDEX media_deleted ON ONLY public.media USING btree (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (archived_at IS NULL));
CREATE INDEX media_expired ON ONLY public.media USING btree (expires_at) WHERE (archived_at IS NULL);
CREATE INDEX media_files_left ON ONLY public.media USING btree (archived_at) WHERE ((archived_at IS NOT NULL) AND (file_gone_at IS NULL));
CREATE INDEX provider_logs_by_job ON public.provider_logs USING btree (job_id);
CREATE INDEX provider_logs_by_time ON public.provider_logs USING btree (created_at DESC);
CREATE INDEX shares_by_user ON public.shares USING btree (user_id, created_at DESC);
CREATE INDEX shares_of_media ON public.shares USING btree (media_kind, media_id);
CREATE INDEX signup_bonuses_by_user ON public.signup_bonuses USING btree (user_id);
CREATE INDEX webhook_deliveries_by_time ON public.webhook_deliveries USING btree (received_at);

-- ---------------------------------------------------------------------------------------------------- policies

create policy "Users can view own account" on credit_accounts for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own ledger" on credit_ledger for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own edits" on edited_images for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own jobs" on generation_jobs for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own images" on images for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own media" on media for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own profile" on profiles for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own uploads" on uploads for select to public using ((( SELECT auth.uid() AS uid) = user_id));
create policy "Users can view own videos" on videos for select to public using ((( SELECT auth.uid() AS uid) = user_id));

-- ---------------------------------------------------------------------------------------------------- functions

CREATE OR REPLACE FUNCTION public.acquire_token(p_attempt_id uuid, p_job_id uuid, p_model text, p_lane text, p_candidates jsonb, p_window_seconds double precision DEFAULT 60)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_chosen jsonb := safelight.choose_candidate(p_model, p_lane, p_candidates, p_window_seconds);
begin
  if v_chosen ->> 'status' = 'token' then
    insert into public.job_attempts (id, job_id, provider, endpoint, token, account, lane)
    select p_attempt_id, (select id from public.generation_jobs where id = p_job_id),
           chosen ->> 'provider', chosen ->> 'endpoint', chosen ->> 'token', chosen ->> 'account', p_lane
      from (select v_chosen -> 'candidate' as chosen) choice;
  end if;
  return v_chosen;
end
$function$
;

CREATE OR REPLACE FUNCTION public.add_media(p_id uuid, p_user_id uuid, p_kind text, p_job_id uuid, p_index integer, p_file jsonb, p_expires_at double precision)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_media public.media;
begin
  select * into v_media from public.media
   where id = p_id or (p_job_id is not null and job_id = p_job_id and index = p_index)
   order by (id = p_id) desc limit 1;
  if found then
    return to_jsonb(v_media);
  end if;
  insert into public.media (id, kind, user_id, job_id, index, storage_key, content_type, bytes, width, height, duration,
                            hash, expires_at)
  values (p_id, p_kind, p_user_id, p_job_id, p_index, p_file ->> 'key', p_file ->> 'contentType',
          (p_file ->> 'bytes')::bigint, (p_file ->> 'width')::integer, (p_file ->> 'height')::integer,
          (p_file ->> 'durationSeconds')::double precision, p_file ->> 'hash', to_timestamp(p_expires_at / 1000))
  on conflict do nothing returning * into v_media;
  if not found then
    raise exception 'lost race: media %', p_id using errcode = 'serialization_failure';
  end if;
  return to_jsonb(v_media);
end
$function$
;

CREATE OR REPLACE FUNCTION public.admit_job(p_job jsonb, p_ip text, p_has_capacity boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_id uuid := (p_job ->> 'id')::uuid;
  v_user_id uuid := (p_job ->> 'userId')::uuid;
  v_key text := p_job ->> 'idempotencyKey';
  v_price bigint := (p_job ->> 'price')::bigint;
  v_user_bucket text := 'user:' || v_user_id;
  v_ip_bucket text := 'ip:' || p_ip;
  v_read record;
  v_user_max integer;
  v_ip_max integer;
  v_window integer;
  v_user_limit jsonb;
  v_ip_limit jsonb;
  v_outcome text;
  v_entry public.credit_ledger;
  v_job jsonb;
begin
  select (select setting_value from public.app_settings where setting_key = 'limits') as limits,
         (select hits from public.rate_limits where key = v_user_bucket) as user_hits,
         (select hits from public.rate_limits where key = v_ip_bucket) as ip_hits,
         (select balance from public.credit_accounts where user_id = v_user_id) as balance,
         coalesce(
           (select id from public.generation_jobs where id = v_id),
           (select id from public.generation_jobs where user_id = v_user_id and idempotency_key = v_key)) as earlier_id,
         exists (select from public.credit_references where reference = v_id::text) as is_taken
    into v_read;
  v_user_max := coalesce((v_read.limits ->> 'userPerMinute')::integer, 10);
  v_ip_max := coalesce((v_read.limits ->> 'ipPerMinute')::integer, 20);
  v_window := coalesce((v_read.limits ->> 'windowSeconds')::integer, 60);
  v_user_limit := safelight.limit_state('user', v_read.user_hits, v_user_max, v_window);
  v_ip_limit := case when p_ip is not null then safelight.limit_state('ip', v_read.ip_hits, v_ip_max, v_window) end;

  -- In steps, because what a 429 does not need shall not be looked up for it.
  if v_read.earlier_id is not null then
    select to_jsonb(job), 'replayed' into v_job, v_outcome from public.generation_jobs job
     where id = v_read.earlier_id and user_id = v_user_id and request_hash = p_job ->> 'requestHash';
  end if;
  if v_outcome is null then
    if v_user_limit -> 'remaining' = '0' or v_ip_limit -> 'remaining' = '0' then
      v_outcome := 'rate_limited';
    else
      v_outcome := case
        when v_read.earlier_id is not null or v_read.is_taken then 'idempotency_conflict'
        when (select setting_value from public.app_settings where setting_key = 'app_enabled') = 'false' then 'closed'
        when (select setting_value from public.app_settings where setting_key = 'disabled_models') ? (p_job ->> 'model')
          then 'model_disabled'
        when not p_has_capacity then 'no_capacity'
        when v_read.balance is null then 'no_account'
        when v_read.balance < v_price then 'insufficient_credits'
        else 'admitted'
      end;
    end if;
  end if;

  if v_outcome = 'admitted' then
    if v_price > 0 then
      v_entry := safelight.post_entry(v_user_id, 'charge', -v_price, v_id::text, v_id, p_job ->> 'model', '{}');
      if v_entry.seq is null then
        raise exception 'lost race: balance' using errcode = 'serialization_failure';
      end if;
      v_read.balance := v_entry.balance_after;
    end if;
    insert into public.credit_references (reference, user_id, charged_seq)
    values (v_id::text, v_user_id, v_entry.seq) on conflict do nothing;
    if not found then
      raise exception 'lost race: reference' using errcode = 'serialization_failure';
    end if;
    v_job := safelight.insert_job(p_job, 'charged');
  end if;
  if v_outcome not in ('replayed', 'rate_limited') then
    if not safelight.take_hits(array_remove(array[v_user_bucket, v_ip_bucket], null), array[v_user_max, v_ip_max],
                               array[v_window, v_window]) then
      raise exception 'lost race: rate limits' using errcode = 'serialization_failure';
    end if;
    v_user_limit := safelight.limit_state('user', v_read.user_hits || clock_timestamp(), v_user_max, v_window);
    if p_ip is not null then
      v_ip_limit := safelight.limit_state('ip', v_read.ip_hits || clock_timestamp(), v_ip_max, v_window);
    end if;
  end if;
  return jsonb_build_object(
    'outcome', v_outcome, 'balance', coalesce(v_read.balance, 0), 'job', v_job,
    'limits', case when v_ip_limit is null then jsonb_build_array(v_user_limit)
                   else jsonb_build_array(v_user_limit, v_ip_limit) end);
end
$function$
;

CREATE OR REPLACE FUNCTION public.archive_expired_media(p_limit integer DEFAULT 500)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_deleted_before timestamptz := v_now - safelight.retention();
  v_expired integer;
  v_deleted integer;
  v_keys jsonb;
begin
  with old as (
    select kind, id from public.media
     where expires_at <= v_now and archived_at is null and not saved and not starred
     order by expires_at limit p_limit for no key update skip locked
  )
  update public.media set archived_at = v_now from old where media.kind = old.kind and media.id = old.id;
  get diagnostics v_expired = row_count;
  with old as (
    select kind, id from public.media
     where deleted_at <= v_deleted_before and deleted_at is not null and archived_at is null
     order by deleted_at limit p_limit for no key update skip locked
  )
  update public.media set archived_at = v_now from old where media.kind = old.kind and media.id = old.id;
  get diagnostics v_deleted = row_count;
  select coalesce(jsonb_agg(storage_key), '[]') into v_keys from (
    select distinct storage_key from (
      select storage_key from public.media gone
       where archived_at is not null and file_gone_at is null
         and not exists (select from public.media living
                          where living.storage_key = gone.storage_key and living.archived_at is null)
       order by archived_at limit p_limit
    ) oldest
  ) files;
  return jsonb_build_object('done', v_expired + v_deleted, 'keys', v_keys,
                            'more', greatest(v_expired, v_deleted, jsonb_array_length(v_keys)) >= p_limit);
end
$function$
;

CREATE OR REPLACE FUNCTION public.ask_cancel(p_attempt_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  update public.job_attempts set cancel_asked_at = clock_timestamp()
   where id = p_attempt_id and cancel_asked_at is null;
  return to_jsonb(found);
end
$function$
;

CREATE OR REPLACE FUNCTION public.atomic_charge_credits(p_user_id uuid, p_operation_type text, p_amount integer, p_description text, p_metadata jsonb, p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select public.charge_credits(p_user_id, p_amount, coalesce(p_job_id::text, 'manual:' || gen_random_uuid()), p_job_id,
    p_description,
    coalesce(p_metadata, '{}') || jsonb_strip_nulls(jsonb_build_object(
      'operation', p_operation_type, 'manual', case when p_job_id is null then true end)))
$function$
;

CREATE OR REPLACE FUNCTION public.begin_attempt(p_job_id uuid, p_state text, p_version integer, p_attempt_id uuid, p_number integer, p_lane text, p_candidates jsonb, p_wake_in_seconds double precision, p_window_seconds double precision DEFAULT 60)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_model text;
  v_chosen jsonb;
  v_job jsonb;
begin
  select model into v_model from public.generation_jobs
   where id = p_job_id and state = 'charged' and p_state = 'charged' and version = p_version for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;
  v_chosen := safelight.choose_candidate(v_model, p_lane, p_candidates, p_window_seconds);
  if v_chosen ->> 'status' <> 'token' then
    return v_chosen;
  end if;
  v_job := public.start_attempt(p_job_id, p_state, p_version, v_chosen -> 'candidate'
    || jsonb_build_object('id', p_attempt_id, 'number', p_number, 'lane', p_lane), p_wake_in_seconds);
  if v_job is null then
    return jsonb_build_object('status', 'lost');
  end if;
  return jsonb_build_object('status', 'begun', 'job', v_job, 'candidate', v_chosen -> 'candidate');
end
$function$
;

CREATE OR REPLACE FUNCTION public.change_media(p_id uuid, p_user_id uuid, p_saved boolean, p_starred boolean, p_deleted boolean)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  update public.media
     set saved = coalesce(p_saved, saved),
         starred = coalesce(p_starred, starred),
         expires_at = case when p_saved then null else expires_at end,
         deleted_at = case when p_deleted then coalesce(deleted_at, clock_timestamp())
                           when p_deleted is null then deleted_at end
   where id = p_id and user_id = p_user_id
  returning to_jsonb(media)
$function$
;

CREATE OR REPLACE FUNCTION public.charge_credits(p_user_id uuid, p_amount bigint, p_reference text, p_job_id uuid, p_description text, p_metadata jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_balance bigint;
  v_reference public.credit_references;
  v_entry public.credit_ledger;
  v_outcome text;
begin
  select balance into v_balance from public.credit_accounts where user_id = p_user_id for no key update;
  select * into v_reference from public.credit_references where reference = p_reference for no key update;
  if p_amount is null or p_amount <= 0 or p_reference is null then
    v_outcome := 'invalid';
  elsif v_reference.reference is not null then
    select * into v_entry from public.credit_ledger
     where user_id = v_reference.user_id and seq = v_reference.charged_seq;
    v_outcome := case
      when v_entry.user_id <> p_user_id or v_entry.delta <> -p_amount then 'conflict'
      when v_reference.closed then 'refunded'
      when v_entry.user_id is null then 'conflict'
      else 'replayed'
    end;
  elsif v_balance is null then
    v_outcome := 'no_account';
  elsif v_balance < p_amount then
    v_outcome := 'insufficient_credits';
  else
    v_entry := safelight.post_entry(p_user_id, 'charge', -p_amount, p_reference, p_job_id,
                                    coalesce(p_description, ''), coalesce(p_metadata, '{}'));
    insert into public.credit_references (reference, user_id, charged_seq)
    select p_reference, p_user_id, v_entry.seq where v_entry.seq is not null on conflict do nothing;
    if not found then
      raise exception 'lost race: reference %', p_reference using errcode = 'serialization_failure';
    end if;
    v_balance := v_entry.balance_after;
    v_outcome := 'charged';
  end if;
  return jsonb_build_object('outcome', v_outcome, 'balance', coalesce(v_balance, 0), 'reference', p_reference);
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_rate_limit(p_key text, p_max_requests integer, p_window_seconds integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_window interval;
  v_hits timestamptz[];
  v_state jsonb;
  v_allowed boolean := false;
begin
  if p_key is null or coalesce(p_max_requests, -1) not between 0 and 10000
     or coalesce(p_window_seconds, 0) not between 1 and 31622400 then
    raise exception 'a rate limit is 0 to 10000 requests in 1 second to 366 days'
      using errcode = 'invalid_parameter_value';
  end if;
  v_window := make_interval(secs => p_window_seconds);
  loop
    select hits into v_hits from public.rate_limits where key = p_key;
    exit when p_max_requests = 0 or v_hits[cardinality(v_hits) - p_max_requests + 1] > clock_timestamp() - v_window;
    insert into public.rate_limits as bucket (key, hits, expires_at)
    values (p_key, array[clock_timestamp()], clock_timestamp() + v_window)
    on conflict (key) do update
       set hits = (bucket.hits || clock_timestamp())[greatest(1, cardinality(bucket.hits) + 2 - p_max_requests):],
           expires_at = greatest(bucket.expires_at, excluded.expires_at)
     where (bucket.hits[cardinality(bucket.hits) - p_max_requests + 1] > clock_timestamp() - v_window) is not true
    returning hits into v_hits;
    v_allowed := found;
    exit when v_allowed;
  end loop;
  v_state := safelight.limit_state(p_key, v_hits, p_max_requests, p_window_seconds);
  return jsonb_build_object(
    'allowed', v_allowed, 'limit', p_max_requests,
    'remaining', case when v_allowed then (v_state ->> 'remaining')::integer else 0 end,
    'retry_after_ms', case when v_allowed then 0 else greatest(1, (v_state ->> 'resets_in_ms')::bigint) end);
end
$function$
;

CREATE OR REPLACE FUNCTION public.claim_due_jobs(p_limit integer, p_lease_seconds double precision)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_first uuid := (select user_id from public.generation_jobs
                    where finished_at is null and wake_at <= v_now order by wake_at limit 1);
  v_users uuid[];
  v_user uuid := v_first;
  v_jobs jsonb;
begin
  if v_first is null then
    return '[]';
  end if;
  -- Around the circle, from index entry to index entry: as long as users are wanted, however many jobs each one has.
  loop
    v_users := v_users || v_user;
    exit when cardinality(v_users) >= p_limit + 16;
    select user_id into v_user from public.generation_jobs
     where finished_at is null and wake_at <= v_now and user_id > v_user and (v_user >= v_first or user_id < v_first)
     order by user_id limit 1;
    if not found and v_users[cardinality(v_users)] >= v_first then
      select user_id into v_user from public.generation_jobs
       where finished_at is null and wake_at <= v_now and user_id < v_first
       order by user_id limit 1;
    end if;
    exit when not found;
  end loop;

  with candidate as (
    select due.id, due.wake_at, due.place + (
             select count(*) from public.generation_jobs
              where user_id = owner and finished_at is null and lease_until > v_now) as turn
      from unnest(v_users) owner cross join lateral (
        select id, wake_at, row_number() over (order by wake_at, id) as place from public.generation_jobs
         where user_id = owner and finished_at is null and wake_at <= v_now
         order by wake_at, id limit greatest(2, 2 * p_limit / cardinality(v_users))
      ) due
  ), claimed as (
    select job.id, job.wake_at, candidate.turn
      from candidate join public.generation_jobs job using (id)
     where job.wake_at = candidate.wake_at      -- looked at again under the lock: nobody has touched it since
     order by candidate.turn, candidate.wake_at limit p_limit for no key update of job skip locked
  ), leased as (
    update public.generation_jobs job
       set wake_at = v_now + make_interval(secs => p_lease_seconds),
           lease_until = v_now + make_interval(secs => p_lease_seconds)
      from claimed where job.id = claimed.id
    returning claimed.turn, claimed.wake_at, to_jsonb(job) || jsonb_build_object('wake_at', claimed.wake_at) as job
  )
  select coalesce(jsonb_agg(job order by turn, wake_at), '[]') into v_jobs from leased;
  return v_jobs;
end
$function$
;

CREATE OR REPLACE FUNCTION public.claim_upkeep(p_task text, p_every_seconds integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_every interval := make_interval(secs => p_every_seconds);
begin
  if p_task is null or p_every_seconds is null or p_every_seconds < 1 then
    raise exception 'a task has a name and comes every second at most' using errcode = 'invalid_parameter_value';
  end if;
  if exists (select from public.upkeep_runs where task = p_task and claimed_at > clock_timestamp() - v_every)
     or not pg_try_advisory_xact_lock(hashtextextended('safelight.upkeep.' || p_task, 0)) then
    return jsonb_build_object('claimed', false);
  end if;
  -- Looked at once more behind the lock.
  insert into public.upkeep_runs as run (task, claimed_at) values (p_task, clock_timestamp())
  on conflict (task) do update set claimed_at = excluded.claimed_at where run.claimed_at <= clock_timestamp() - v_every;
  return jsonb_build_object('claimed', found);
end
$function$
;

CREATE OR REPLACE FUNCTION public.cleanup_expired_rate_limits()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_deleted integer;
begin
  delete from public.rate_limits where key in (
    select key from public.rate_limits where expires_at <= clock_timestamp()
     order by expires_at limit 50000 for update skip locked);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$
;

CREATE OR REPLACE FUNCTION public.close_discrepancy(p_id uuid, p_note text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  if coalesce(trim(p_note), '') = '' then
    raise exception 'whoever closes a discrepancy says why' using errcode = 'invalid_parameter_value';
  end if;
  update public.credit_discrepancies set closed_at = now(), note = p_note where id = p_id and closed_at is null;
  return to_jsonb(found);
end
$function$
;

CREATE OR REPLACE FUNCTION public.create_job(p_job jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_user_id uuid := (p_job ->> 'userId')::uuid;
  v_job public.generation_jobs;
begin
  select * into v_job from public.generation_jobs where id = (p_job ->> 'id')::uuid;
  if not found then
    select * into v_job from public.generation_jobs
     where user_id = v_user_id and idempotency_key = p_job ->> 'idempotencyKey';
  end if;
  if v_job.id is null then
    return jsonb_build_object('outcome', 'created', 'job', safelight.insert_job(p_job, 'created'));
  elsif v_job.user_id = v_user_id and v_job.request_hash = p_job ->> 'requestHash' then
    return jsonb_build_object('outcome', 'replayed', 'job', to_jsonb(v_job));
  end if;
  return jsonb_build_object('outcome', 'conflict');
end
$function$
;

CREATE OR REPLACE FUNCTION public.detect_anomalies(p_hours integer DEFAULT 24, p_limit integer DEFAULT 100)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION public.find_job(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select to_jsonb(job) from public.generation_jobs job where id = p_job_id
$function$
;

CREATE OR REPLACE FUNCTION public.find_job_by_key(p_user_id uuid, p_idempotency_key text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select to_jsonb(job) from public.generation_jobs job where user_id = p_user_id and idempotency_key = p_idempotency_key
$function$
;

CREATE OR REPLACE FUNCTION public.find_media(p_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select to_jsonb(media) from public.media where id = p_id
$function$
;

CREATE OR REPLACE FUNCTION public.find_user(p_user_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select jsonb_build_object('id', person.id, 'email', person.email, 'name', profile.name,
                            'role', coalesce(profile.role, 'user'))
    from auth.users person left join public.profiles profile on profile.user_id = person.id
   where person.id = p_user_id
     and to_jsonb(person) ->> 'deleted_at' is null
     and coalesce((to_jsonb(person) ->> 'banned_until')::timestamptz <= clock_timestamp(), true)
$function$
;

CREATE OR REPLACE FUNCTION public.forget_archived_files(p_keys jsonb)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_forgotten integer;
begin
  update public.media set file_gone_at = clock_timestamp()
   where storage_key in (select jsonb_array_elements_text(p_keys)) and archived_at is not null and file_gone_at is null;
  get diagnostics v_forgotten = row_count;
  return v_forgotten;
end
$function$
;

CREATE OR REPLACE FUNCTION public.get_generation_stats(p_hours integer DEFAULT 24)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_since timestamptz := clock_timestamp() - make_interval(hours => p_hours);
  v_groups jsonb;
  v_medians jsonb;
  v_all jsonb;
begin
  if p_hours is null or p_hours not between 1 and 8784 then
    raise exception 'figures are of 1 to 8784 hours' using errcode = 'invalid_parameter_value';
  end if;
  with job as (
    -- Whoever was created since has ended since, or not at all: so there is an index for each.
    select model, state, attempt ->> 'provider' as provider, price, refunded_credits, id from public.generation_jobs
     where finished_at >= v_since and finished_at is not null and created_at >= v_since
    union all
    select model, state, attempt ->> 'provider', price, refunded_credits, id from public.generation_jobs
     where finished_at is null and created_at >= v_since
  )
  select coalesce(jsonb_agg(to_jsonb(grouped)), '[]') into v_groups from (
    select model, provider, state, count(*) as jobs, sum(refunded_credits) as refunded,
           -- One that failed without getting anything back may never have been charged.
           sum(case when state = 'created' then 0
                    when state in ('failed', 'canceled') and refunded_credits = 0 and not exists (
                      select from public.credit_references
                       where reference = job.id::text and charged_seq is not null) then 0
                    else price end) as charged
      from job group by model, provider, state
  ) grouped;
  select coalesce(jsonb_agg(to_jsonb(timed) order by model), '[]') into v_medians from (
    select model, grouping(model) = 1 as is_all,
           percentile_cont(0.5) within group (order by extract(epoch from finished_at - created_at)) as seconds
      from public.generation_jobs
     where finished_at >= v_since and finished_at is not null and created_at >= v_since and state = 'succeeded'
     group by grouping sets ((model), ())
  ) timed;
  select (safelight.outcomes_by(coalesce(jsonb_agg(each || '{"all": "all"}'), '[]'), 'all') -> 0) - 'name' into v_all
    from jsonb_array_elements(v_groups) each;
  return coalesce(v_all, '{"total_jobs": 0, "completed_jobs": 0, "failed_jobs": 0, "canceled_jobs": 0,
                           "credits_charged": 0, "credits_refunded": 0}') || jsonb_build_object(
    'hours', p_hours, 'medians', v_medians, 'by_model', safelight.outcomes_by(v_groups, 'model'),
    'by_provider', safelight.outcomes_by(v_groups, 'provider'));
end
$function$
;

CREATE OR REPLACE FUNCTION public.grant_credits(p_user_id uuid, p_amount bigint, p_key text, p_description text)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select safelight.grant_once(p_user_id, p_amount, 'grant:' || p_key, p_description)
$function$
;

CREATE OR REPLACE FUNCTION public.has_seen_delivery(p_provider text, p_delivery_id text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return to_jsonb(exists (
    select from public.webhook_deliveries where provider = p_provider and delivery_id = p_delivery_id));
end
$function$
;

CREATE OR REPLACE FUNCTION public.learn_token(p_event jsonb, p_changes jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_subject text;
  v_change jsonb;
begin
  begin
    if p_event ->> 'outcome' = 'refused' then
      update public.job_attempts set ended_at = coalesce(ended_at, clock_timestamp())
       where id = (p_event ->> 'attemptId')::uuid;
    end if;
    for v_subject, v_change in select key, value from jsonb_each(p_changes) order by key loop
      if v_subject in ('lane', 'account') then
        insert into public.provider_accounts as known (provider, account, lane, state, version)
        values (p_event ->> 'provider', p_event ->> 'account',
                case v_subject when 'lane' then p_event ->> 'lane' else '' end, v_change -> 'state', 1)
        on conflict (provider, account, lane) do update set state = excluded.state, version = known.version + 1
         where known.version = (v_change ->> 'version')::integer;
      else
        insert into public.provider_tokens as known (provider, token, model, account, state, version)
        values (p_event ->> 'provider', case v_subject when 'model' then '' else p_event ->> 'token' end,
                case v_subject when 'token' then '' else p_event ->> 'model' end,
                case v_subject when 'model' then null else p_event ->> 'account' end, v_change -> 'state', 1)
        on conflict (provider, token, model) do update
           set state = excluded.state, account = excluded.account, version = known.version + 1
         where known.version = (v_change ->> 'version')::integer;
      end if;
      if not found then
        raise exception 'lost race: belief' using errcode = 'serialization_failure';
      end if;
    end loop;
  exception when serialization_failure then
    return to_jsonb(false);
  end;
  return to_jsonb(true);
end
$function$
;

CREATE OR REPLACE FUNCTION public.list_attempts(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(attempt) order by attempt.number, attempt.started_at), '[]')
    from public.job_attempts attempt where job_id = p_job_id and started_at is not null
$function$
;

CREATE OR REPLACE FUNCTION public.list_durations(p_model text, p_limit integer)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(extract(epoch from finished_at - created_at) order by finished_at desc), '[]') from (
    select created_at, finished_at from public.generation_jobs
     where model = p_model and state = 'succeeded' order by finished_at desc limit p_limit
  ) finished
$function$
;

CREATE OR REPLACE FUNCTION public.list_jobs(p_user_id uuid, p_kind text, p_states jsonb, p_limit integer, p_before_at timestamp with time zone, p_before_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
begin
  -- Planned with the filters that are there: one plan for all of them could use no index.
  return (select coalesce(jsonb_agg(to_jsonb(page) order by page.created_at desc, page.id desc), '[]') from (
    select * from public.generation_jobs
     where (p_user_id is null or user_id = p_user_id)
       and (p_before_at is null or (created_at, id) < (p_before_at, p_before_id))
       and (p_kind is null or kind = p_kind)
       and (p_states is null or p_states ? state)
     order by created_at desc, id desc limit p_limit
  ) page);
end
$function$
;

CREATE OR REPLACE FUNCTION public.list_ledger(p_user_id uuid, p_limit integer, p_before bigint)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(entry) order by entry.seq desc), '[]') from (
    select * from public.credit_ledger
     where user_id = p_user_id and (p_before is null or seq < p_before)
     order by seq desc limit p_limit
  ) entry
$function$
;

CREATE OR REPLACE FUNCTION public.list_media(p_user_id uuid, p_kind text, p_saved boolean, p_starred boolean, p_search text, p_limit integer, p_before_at timestamp with time zone, p_before_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(page) order by page.created_at desc, page.id desc), '[]') from (
    select media.* from public.media
     where media.user_id = p_user_id and media.deleted_at is null
       and (p_before_at is null or (media.created_at, media.id) < (p_before_at, p_before_id))
       and (p_kind is null or media.kind = p_kind)
       and (p_saved is null or media.saved = p_saved)
       and (p_starred is null or media.starred = p_starred)
       and (p_search is null or exists (
         select from public.generation_jobs job
          where job.id = media.job_id and strpos(lower(job.input ->> 'prompt'), lower(p_search)) > 0))
     order by media.created_at desc, media.id desc limit p_limit
  ) page
$function$
;

CREATE OR REPLACE FUNCTION public.list_media_of_jobs(p_job_ids jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(media) order by media.index, media.created_at), '[]')
    from public.media
   where media.job_id in (select value::uuid from jsonb_array_elements_text(p_job_ids)) and media.deleted_at is null
$function$
;

CREATE OR REPLACE FUNCTION public.list_runtimes(p_model text, p_endpoint text, p_duration double precision, p_limit integer)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(extract(epoch from attempt.ended_at - attempt.accepted_at) order by job.finished_at desc), '[]')
    from (
      select finished_at, (attempt ->> 'id')::uuid as attempt_id from (
        select finished_at, attempt, input from public.generation_jobs
         where model = p_model and state = 'succeeded' order by finished_at desc limit p_limit * 10
      ) recent
       where attempt ->> 'endpoint' = p_endpoint
         and (input ->> 'duration')::double precision is not distinct from p_duration
       order by finished_at desc limit p_limit
    ) job
    join public.job_attempts attempt on attempt.id = job.attempt_id
   where attempt.accepted_at is not null and attempt.ended_at is not null
$function$
;

CREATE OR REPLACE FUNCTION public.list_tokens_in_use(p_limit integer)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(in_use) order by provider, token), '[]')
    from (
      select distinct attempt ->> 'provider' as provider, attempt ->> 'token' as token from public.generation_jobs
       where finished_at is null and state in ('submitting', 'running', 'storing') limit p_limit
    ) in_use
$function$
;

CREATE OR REPLACE FUNCTION public.move_job(p_job_id uuid, p_state text, p_version integer, p_to text, p_patch jsonb, p_wake_in_seconds double precision)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  update public.generation_jobs job
     set state = p_to, version = version + 1, revision = revision + 1,
         operation = safelight.patched(p_patch, 'operation', operation),
         outputs = safelight.patched(p_patch, 'outputs', outputs),
         progress = safelight.patched(p_patch, 'progress', progress),
         failure = safelight.patched(p_patch, 'failure', failure),
         troubles = safelight.patched(p_patch, 'troubles', troubles),
         media = coalesce(p_patch -> 'media', media),
         refunded_credits = coalesce((p_patch ->> 'refundedCredits')::integer, refunded_credits),
         ending = case when p_patch ? 'ending' then p_patch ->> 'ending' else ending end,
         idempotency_key = case when p_patch ? 'idempotencyKey' then p_patch ->> 'idempotencyKey' else idempotency_key end,
         run_until = case when p_patch ? 'runUntil'
           then safelight.from_ms((p_patch ->> 'runUntil')::double precision) else run_until end,
         wake_at = coalesce(clock_timestamp() + make_interval(secs => p_wake_in_seconds), wake_at),
         lease_until = case when p_wake_in_seconds is null then lease_until end,
         finished_at = case when p_to in ('succeeded', 'failed', 'canceled') then clock_timestamp() end
   where id = p_job_id and state = p_state and version = p_version and p_state not in ('succeeded', 'failed', 'canceled')
  returning to_jsonb(job)
$function$
;

CREATE OR REPLACE FUNCTION public.note_job(p_job_id uuid, p_state text, p_version integer, p_news jsonb, p_wake_in_seconds double precision)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  update public.generation_jobs job
     set revision = revision + (safelight.patched(p_news, 'progress', progress) is distinct from progress)::integer,
         progress = safelight.patched(p_news, 'progress', progress),
         troubles = safelight.patched(p_news, 'troubles', troubles),
         operation = safelight.patched(p_news, 'operation', operation),
         wake_at = clock_timestamp() + make_interval(secs => p_wake_in_seconds),
         lease_until = null
   where id = p_job_id and state = p_state and version = p_version and p_state not in ('succeeded', 'failed', 'canceled')
  returning to_jsonb(job)
$function$
;

CREATE OR REPLACE FUNCTION public.peek_rate_limits(p_limits jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return coalesce((
    select jsonb_agg(safelight.limit_state(
             value ->> 'name', (select hits from public.rate_limits where key = value ->> 'key'),
             (value ->> 'max')::integer, (value ->> 'windowSeconds')::integer) order by position)
      from jsonb_array_elements(p_limits) with ordinality wanted (value, position)), '[]');
end
$function$
;

CREATE OR REPLACE FUNCTION public.read_balance(p_user_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select to_jsonb(coalesce((select balance from public.credit_accounts where user_id = p_user_id), 0))
$function$
;

CREATE OR REPLACE FUNCTION public.read_migrations()
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(migration) order by version), '[]') from public.safelight_migrations migration
$function$
;

CREATE OR REPLACE FUNCTION public.read_settings()
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_object_agg(setting_key, setting_value), '{}') from public.app_settings
$function$
;

CREATE OR REPLACE FUNCTION public.read_token_pool()
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return jsonb_build_object(
    'at', safelight.to_ms(clock_timestamp()),
    'lanes', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'provider', lane.provider, 'account', lane.account, 'lane', lane.lane, 'state', lane.state,
               'perMinute', lane.per_minute, 'maxOpen', lane.max_open, 'open', (
                 select count(*) from public.job_attempts attempt
                  where attempt.provider = lane.provider and attempt.account = lane.account and attempt.lane = lane.lane
                    and attempt.ended_at is null)) order by lane.provider, lane.account, lane.lane), '[]')
        from public.provider_accounts lane where lane.lane <> ''),
    'tokens', (
      select coalesce(jsonb_agg(to_jsonb(standing) order by provider, account, token, model), '[]') from (
        select provider, account, null as token, null as model, state from public.provider_accounts where lane = ''
        union all
        select provider, account, nullif(token, ''), nullif(model, ''), state from public.provider_tokens
      ) standing));
end
$function$
;

CREATE OR REPLACE FUNCTION public.reconcile_credit_ledger(p_whole boolean DEFAULT false, p_after uuid DEFAULT NULL::uuid, p_limit integer DEFAULT 50000)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION public.record_attempt(p_attempt_id uuid, p_answer jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_outcome text := p_answer ->> 'outcome';
  v_job public.generation_jobs;
  v_attempt public.job_attempts;
  v_waits boolean;
begin
  select job.* into v_job from public.generation_jobs job
   where id = (select job_id from public.job_attempts where id = p_attempt_id and started_at is not null)
     for no key update;
  if not found then
    return null;
  end if;
  select * into v_attempt from public.job_attempts where id = p_attempt_id for no key update;
  if v_attempt.outcome not in ('open', 'unknown') or v_outcome = 'unknown'
     or (v_outcome = 'refused' and (p_answer ->> 'version')::integer <> v_job.version) then
    if v_attempt.outcome = 'open' and v_outcome = 'unknown' then
      update public.job_attempts set outcome = 'unknown' where id = p_attempt_id returning * into v_attempt;
    end if;
    return jsonb_build_object('moved', false, 'job', to_jsonb(v_job), 'attempt', to_jsonb(v_attempt));
  end if;

  v_waits := v_job.state = 'submitting' and (v_job.attempt ->> 'id')::uuid = p_attempt_id;
  if v_waits then
    update public.generation_jobs
       set state = case when v_outcome = 'refused' then 'charged'
                        when coalesce(p_answer -> 'outputs', 'null') <> 'null' then 'storing'
                        else 'running' end,
           version = version + 1, revision = revision + 1,
           attempt = case v_outcome when 'accepted'
             then attempt || jsonb_build_object('acceptedAt', safelight.to_ms(v_now)) else attempt end,
           operation = safelight.patched(p_answer, 'operation', operation),
           outputs = safelight.patched(p_answer, 'outputs', outputs),
           run_until = coalesce(safelight.from_ms((p_answer ->> 'runUntil')::double precision), run_until),
           wake_at = v_now + make_interval(secs => (p_answer ->> 'wakeInSeconds')::double precision),
           lease_until = null
     where id = v_job.id
    returning * into v_job;
  end if;
  update public.job_attempts
     set outcome = case when v_outcome = 'accepted' and not v_waits then 'late' else v_outcome end,
         operation = safelight.patched(p_answer, 'operation', operation),
         refusal = safelight.patched(p_answer, 'refusal', refusal),
         accepted_at = case v_outcome when 'accepted' then v_now end
   where id = p_attempt_id
  returning * into v_attempt;
  return jsonb_build_object('moved', v_waits, 'job', to_jsonb(v_job), 'attempt', to_jsonb(v_attempt));
end
$function$
;

CREATE OR REPLACE FUNCTION public.refund_charge(p_reference text, p_amount bigint, p_reason text, p_metadata jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_balance bigint;
  v_reference public.credit_references;
  v_charge public.credit_ledger;
  v_refund public.credit_ledger;
  v_outcome text := 'refunded';
  v_amount bigint;
begin
  -- Looked up without a lock, because the account comes before the reference.
  select * into v_reference from public.credit_references where reference = p_reference;
  if not found then
    insert into public.credit_references (reference, closed) values (p_reference, true) on conflict do nothing;
    if not found then
      raise exception 'lost race: reference %', p_reference using errcode = 'serialization_failure';
    end if;
    return jsonb_build_object('outcome', 'nothing_charged', 'refunded', 0, 'balance', null);
  end if;
  select balance into v_balance from public.credit_accounts where user_id = v_reference.user_id for no key update;
  select * into v_reference from public.credit_references where reference = p_reference for no key update;
  select * into v_charge from public.credit_ledger
   where user_id = v_reference.user_id and seq = v_reference.charged_seq;
  if v_charge.seq is null then
    v_outcome := 'nothing_charged';
  elsif v_reference.closed then
    v_outcome := 'replayed';
    select * into v_refund from public.credit_ledger
     where user_id = v_reference.user_id and seq = v_reference.refunded_seq;
  else
    v_amount := least(-v_charge.delta, greatest(0, coalesce(p_amount, -v_charge.delta)));
    if v_amount > 0 then
      v_refund := safelight.post_entry(v_charge.user_id, 'refund', v_amount, p_reference, v_charge.job_id,
                                       coalesce(p_reason, ''), coalesce(p_metadata, '{}'));
      if v_refund.seq is null then
        raise exception 'lost race: refund of %', p_reference using errcode = 'serialization_failure';
      end if;
      v_balance := v_refund.balance_after;
    end if;
  end if;
  update public.credit_references set closed = true, refunded_seq = v_refund.seq
   where reference = p_reference and not closed;
  return jsonb_build_object('outcome', v_outcome, 'refunded', coalesce(v_refund.delta, 0), 'balance', v_balance);
end
$function$
;

CREATE OR REPLACE FUNCTION public.refund_credits(p_reference text, p_reason text, p_metadata jsonb DEFAULT '{}'::jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select public.refund_charge(p_reference, null, p_reason, p_metadata)
$function$
;

CREATE OR REPLACE FUNCTION public.remember_delivery(p_provider text, p_delivery_id text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  insert into public.webhook_deliveries (provider, delivery_id) values (p_provider, p_delivery_id)
  on conflict do nothing;
  if found then
    delete from public.webhook_deliveries where (provider, delivery_id) in (
      select provider, delivery_id from public.webhook_deliveries
       where received_at < clock_timestamp() - interval '1 day 1 hour'
       order by received_at limit 2 for update skip locked);
  end if;
end
$function$
;

CREATE OR REPLACE FUNCTION public.report_token(p_event jsonb, p_window_seconds double precision DEFAULT 60)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_outcome text := p_event ->> 'outcome';
  v_provider text := p_event ->> 'provider';
  v_token text := p_event ->> 'token';
  v_account text := p_event ->> 'account';
  v_lane text := p_event ->> 'lane';
  v_model text := p_event ->> 'model';
  v_sent_at timestamptz;
  v_refused integer;
  v_use record;
  v_facts jsonb;
begin
  if v_outcome <> 'checked' then
    update public.job_attempts
       set accepted_at = case v_outcome when 'accepted' then coalesce(accepted_at, v_now) else accepted_at end,
           ended_at = case v_outcome when 'ended' then coalesce(ended_at, v_now) else ended_at end
     where id = (p_event ->> 'attemptId')::uuid
    returning acquired_at, (v_outcome = 'refused' and ended_at is null)::integer into v_sent_at, v_refused;
  end if;
  if v_outcome = 'ended' then
    return null;
  end if;
  select * into v_use from safelight.lane_use(v_provider, v_account, v_lane, v_token, p_window_seconds * 1000);
  select jsonb_build_object(
           'at', safelight.to_ms(v_now), 'sentAt', safelight.to_ms(coalesce(v_sent_at, v_now)), 'sent', v_use.sent,
           'accepted', v_use.accepted, 'open', greatest(v_use.open_now - coalesce(v_refused, 0), 0),
           'openAccepted', v_use.open_accepted,
           'starting', jsonb_build_object('perMinute', max(lane.per_minute), 'maxOpen', max(lane.max_open)))
    into v_facts from public.provider_accounts lane
   where lane.provider = v_provider and lane.account = v_account and lane.lane = v_lane;
  return jsonb_build_object('facts', v_facts, 'known', jsonb_strip_nulls(jsonb_build_object(
    'lane',    (select jsonb_build_object('state', state, 'version', version) from public.provider_accounts
                 where provider = v_provider and account = v_account and lane = v_lane),
    'account', (select jsonb_build_object('state', state, 'version', version) from public.provider_accounts
                 where provider = v_provider and account = v_account and lane = ''),
    'token',   (select jsonb_build_object('state', state, 'version', version) from public.provider_tokens
                 where provider = v_provider and token = v_token and model = ''),
    'pair',    (select jsonb_build_object('state', state, 'version', version) from public.provider_tokens
                 where provider = v_provider and token = v_token and model = v_model),
    'model',   (select jsonb_build_object('state', state, 'version', version) from public.provider_tokens
                 where provider = v_provider and token = '' and model = v_model))));
end
$function$
;

CREATE OR REPLACE FUNCTION public.settle_job(p_job_id uuid, p_state text, p_version integer, p_ending text, p_files jsonb, p_reason text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_job public.generation_jobs;
  v_expires_at timestamptz;
  v_delivered integer;
  v_amount bigint;
  v_refunded bigint := 0;
begin
  select * into v_job from public.generation_jobs
   where id = p_job_id and state = p_state and version = p_version and state in ('storing', 'refunding')
     for no key update;
  if not found then
    return null;
  end if;
  select clock_timestamp() + make_interval(days => coalesce(max((setting_value #>> '{}')::integer), 30))
    into v_expires_at from public.app_settings where setting_key = 'retention_days';
  insert into public.media (id, kind, user_id, job_id, index, storage_key, content_type, bytes, width, height, duration,
                            hash, expires_at)
  select (value ->> 'id')::uuid, v_job.kind, v_job.user_id, v_job.id, (value ->> 'index')::integer,
         value #>> '{file,key}', value #>> '{file,contentType}', (value #>> '{file,bytes}')::bigint,
         (value #>> '{file,width}')::integer, (value #>> '{file,height}')::integer,
         (value #>> '{file,durationSeconds}')::double precision, value #>> '{file,hash}', v_expires_at
    from jsonb_array_elements(p_files)
  on conflict do nothing;
  select count(distinct value ->> 'index') into v_delivered from jsonb_array_elements(p_files);
  v_amount := v_job.price::bigint * greatest(0, v_job.count - v_delivered) / v_job.count;
  if v_amount > 0 then
    v_refunded := (public.refund_charge(v_job.id::text, v_amount, p_reason, '{}') ->> 'refunded')::bigint;
  end if;
  update public.generation_jobs
     set state = p_ending, version = version + 1, revision = revision + 1, refunded_credits = v_refunded,
         media = (select coalesce(jsonb_agg(value -> 'file' order by (value ->> 'index')::integer), '[]')
                    from jsonb_array_elements(p_files)),
         finished_at = clock_timestamp(), lease_until = null
   where id = p_job_id
  returning * into v_job;
  return to_jsonb(v_job);
end
$function$
;

CREATE OR REPLACE FUNCTION public.sign_in_locally(p_email text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_email text := lower(trim(p_email));
begin
  if obj_description('auth'::regnamespace, 'pg_namespace') is distinct from 'made by safelight' then
    raise exception 'local accounts exist only where no other sign-in is set up' using errcode = 'feature_not_supported';
  end if;
  insert into auth.users (email, email_confirmed_at) values (v_email, now()) on conflict (email) do nothing;
  return public.find_user((select id from auth.users where email = v_email));
end
$function$
;

CREATE OR REPLACE FUNCTION public.start_attempt(p_job_id uuid, p_state text, p_version integer, p_attempt jsonb, p_wake_in_seconds double precision)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_job public.generation_jobs;
begin
  perform 1 from public.generation_jobs
   where id = p_job_id and state = 'charged' and p_state = 'charged' and version = p_version for no key update;
  if not found then
    return null;
  end if;
  insert into public.job_attempts as attempt (id, job_id, number, provider, endpoint, token, account, lane, started_at)
  values ((p_attempt ->> 'id')::uuid, p_job_id, (p_attempt ->> 'number')::integer, p_attempt ->> 'provider',
          p_attempt ->> 'endpoint', p_attempt ->> 'token', p_attempt ->> 'account', p_attempt ->> 'lane', v_now)
  on conflict (id) do update
     set job_id = excluded.job_id, number = excluded.number, started_at = excluded.started_at
   where attempt.started_at is null;            -- bound by acquire_token a moment ago
  if not found then
    return null;
  end if;
  update public.generation_jobs
     set state = 'submitting', version = version + 1, revision = revision + 1,
         attempt = jsonb_build_object(
           'id', p_attempt -> 'id', 'number', p_attempt -> 'number', 'provider', p_attempt -> 'provider',
           'endpoint', p_attempt -> 'endpoint', 'token', p_attempt -> 'token', 'startedAt', safelight.to_ms(v_now),
           'acceptedAt', null),
         operation = null, outputs = null, run_until = null, troubles = null,  -- the attempt before had its own
         wake_at = v_now + make_interval(secs => p_wake_in_seconds), lease_until = null
   where id = p_job_id
  returning * into v_job;
  return to_jsonb(v_job);
end
$function$
;

CREATE OR REPLACE FUNCTION public.take_rate_limits(p_limits jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_keys text[];
  v_maxima integer[];
  v_windows integer[];
  v_states jsonb := public.peek_rate_limits(p_limits);
begin
  if jsonb_path_exists(v_states, '$[*] ? (@.remaining == 0)') then
    return jsonb_build_object('allowed', false, 'limits', v_states, 'retry_after_ms', (
      select max((state ->> 'resets_in_ms')::bigint) from jsonb_array_elements(v_states) state
       where state -> 'remaining' = '0'));
  end if;
  select array_agg(value ->> 'key'), array_agg((value ->> 'max')::integer), array_agg((value ->> 'windowSeconds')::integer)
    into v_keys, v_maxima, v_windows from jsonb_array_elements(p_limits);
  if cardinality(v_keys) > (select count(distinct key) from unnest(v_keys) key) or 10000 < any (v_maxima) then
    raise exception 'limits have keys of their own and allow at most 10000' using errcode = 'invalid_parameter_value';
  end if;
  if not safelight.take_hits(v_keys, v_maxima, v_windows) then
    raise exception 'lost race: rate limits' using errcode = 'serialization_failure';
  end if;
  return jsonb_build_object('allowed', true, 'retry_after_ms', 0, 'limits', public.peek_rate_limits(p_limits));
end
$function$
;

CREATE OR REPLACE FUNCTION public.trim_history(p_limit integer DEFAULT 2000)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_ended_before timestamptz := v_now - safelight.retention();
  v_jobs uuid[];
  v_logs integer;
  v_bound integer;
  v_attempts integer;
  v_deliveries integer;
begin
  v_jobs := array(
    select id from public.generation_jobs job
     where finished_at <= v_ended_before and finished_at is not null and blanked_at is null
       and not exists (select from public.media
                        where media.job_id = job.id and media.archived_at is null and media.deleted_at is null)
     order by finished_at limit p_limit for no key update skip locked);
  update public.generation_jobs
     set blanked_at = v_now, outputs = null, operation = null, progress = null, troubles = null,
         input = '{"prompt": ""}' || (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(input)
                                       where key in ('size', 'count', 'seed', 'duration', 'style'))
   where id = any (v_jobs);
  delete from public.job_attempts where job_id = any (v_jobs);
  get diagnostics v_attempts = row_count;
  -- Of jobs that are kept elsewhere.
  delete from public.job_attempts where id in (
    select id from public.job_attempts where job_id is null and acquired_at <= v_ended_before
     limit p_limit for update skip locked);
  get diagnostics v_bound = row_count;
  delete from public.provider_logs where id in (
    select id from public.provider_logs where created_at <= v_now - interval '30 days'
     order by created_at limit p_limit for update skip locked);
  get diagnostics v_logs = row_count;
  delete from public.webhook_deliveries where (provider, delivery_id) in (
    select provider, delivery_id from public.webhook_deliveries where received_at <= v_now - interval '1 day 1 hour'
     order by received_at limit p_limit for update skip locked);
  get diagnostics v_deliveries = row_count;
  return jsonb_build_object(
    'done', cardinality(v_jobs) + v_attempts + v_bound + v_logs + v_deliveries,
    'more', greatest(cardinality(v_jobs), v_bound, v_logs, v_deliveries) >= p_limit,
    'provider_logs', v_logs, 'jobs', cardinality(v_jobs), 'attempts', v_attempts + v_bound, 'deliveries', v_deliveries);
end
$function$
;

CREATE OR REPLACE FUNCTION public.write_provider_logs(p_calls jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  insert into public.provider_logs (created_at, provider, token, job_id, attempt_id, action, outcome, latency_ms)
  select to_timestamp((call ->> 'at')::double precision / 1000), call ->> 'provider', call ->> 'token',
         (call ->> 'jobId')::uuid, (call ->> 'attemptId')::uuid, call ->> 'action', call ->> 'outcome',
         (call ->> 'latencyMs')::double precision
    from jsonb_array_elements(p_calls) call
$function$
;

CREATE OR REPLACE FUNCTION public.write_settings(p_change jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  insert into public.app_settings as setting (setting_key, setting_value)
  select change.key, change.value from jsonb_each(p_change) change order by change.key
  on conflict (setting_key) do update set setting_value = excluded.setting_value, updated_at = now();
  return public.read_settings();
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.choose_candidate(p_model text, p_lane text, p_candidates jsonb, p_window_seconds double precision)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_window double precision := p_window_seconds * 1000;
  v_now double precision;
  v_choice record;
begin
  insert into public.provider_accounts as known (provider, account, lane, per_minute, max_open)
  select named.* from (
    select value ->> 'provider' as provider, value ->> 'account' as account, p_lane as lane,
           max((value ->> 'perMinute')::integer) as per_minute, max((value ->> 'maxOpen')::integer) as max_open
      from jsonb_array_elements(p_candidates) group by 1, 2
  ) named
   where not exists (
     select from public.provider_accounts account
      where account.provider = named.provider and account.account = named.account and account.lane = named.lane
        and (account.per_minute, account.max_open) is not distinct from (named.per_minute, named.max_open))
   order by named.provider, named.account
  on conflict (provider, account, lane) do update set per_minute = excluded.per_minute, max_open = excluded.max_open;
  perform 1 from public.provider_accounts account
   where (account.provider, account.account, account.lane) in (
     select value ->> 'provider', value ->> 'account', p_lane from jsonb_array_elements(p_candidates))
   order by account.provider, account.account for no key update;
  v_now := extract(epoch from clock_timestamp()) * 1000;

  with candidate as (
    select value, position, value ->> 'provider' as provider, value ->> 'token' as token, value ->> 'account' as account,
           min(position) over (partition by value ->> 'provider') as provider_position,
           min(value ->> 'provider') over () = max(value ->> 'provider') over ()
             and min(value ->> 'token') over () = max(value ->> 'token') over () as is_alone
      from jsonb_array_elements(p_candidates) with ordinality listed (value, position)
  ), known as (
    select candidate.*, lane.state, coalesce((lane.state ->> 'health')::double precision, 1) as health,
           whole.state ->> 'status' as account_status, own.state ->> 'status' as token_status,
           coalesce((own.state ->> 'proven')::boolean, false) as is_proven,
           coalesce((lane.state #>> '{rate,trying}')::double precision, (lane.state #>> '{rate,value}')::double precision,
                    lane.per_minute) as per_window,
           coalesce((lane.state #>> '{open,trying}')::double precision, (lane.state #>> '{open,value}')::double precision,
                    lane.max_open) as max_open,
           coalesce(extract(epoch from lane.paced_at) * 1000, 0) as paced_at,
           coalesce(extract(epoch from lane.queued_until) * 1000, 0) as queued_until,
           coalesce((lane.state ->> 'pausedUntil')::double precision, 0) as paused_until,
           greatest(safelight.rests_until(whole.state), safelight.rests_until(own.state),
                    safelight.rests_until(pair.state), safelight.rests_until(anyones.state)) as resting_until
      from candidate
      join public.provider_accounts lane
        on lane.provider = candidate.provider and lane.account = candidate.account and lane.lane = p_lane
      left join public.provider_accounts whole
        on whole.provider = candidate.provider and whole.account = candidate.account and whole.lane = ''
      left join public.provider_tokens own
        on own.provider = candidate.provider and own.token = candidate.token and own.model = ''
      left join public.provider_tokens pair
        on pair.provider = candidate.provider and pair.token = candidate.token and pair.model = p_model
      left join public.provider_tokens anyones
        on anyones.provider = candidate.provider and anyones.token = '' and anyones.model = p_model
  ), paced as (
    select known.*, busy.*, pace.pace_ms, pace.slack_ms, greatest(known.paced_at, known.paused_until + pace.slack_ms) as due_at,
           bool_or(resting_until <= v_now and health >= 0.6 and coalesce(account_status, '') <> 'exhausted'
                   and coalesce(token_status, '') <> 'suspect') over () as has_fit
      from known
      -- A little longer than a window: of two submits the later one may have the shorter way.
      cross join lateral safelight.lane_use(known.provider, known.account, p_lane, known.token, v_window / 0.985) busy
      cross join lateral (select coalesce(v_window / (0.985 * per_window), 0) as pace_ms) even
      cross join lateral (
        select even.pace_ms, (greatest(coalesce((known.state ->> 'burst')::double precision, 3),
                                       coalesce(0.08 * known.per_window, 0)) - 1) * even.pace_ms as slack_ms) pace
  ), appraised as (
    select paced.*,
           health * (1 - greatest(open_now / nullif(max_open, 0), sent / nullif(per_window, 0), 0)) as room,
           greatest(
             v_now, resting_until, paused_until,
             case when has_fit then (state ->> 'brokenUntil')::double precision end,
             case when per_window is not null then due_at - slack_ms end,
             case when sent >= per_window then v_now + pace_ms end,
             -- Full; or it was refused and is tried, one call at a time, and that one is on its way.
             case when open_now >= max_open
                    or unanswered_of_token > 0 and token_status = 'suspect'
                    or unanswered > 0 and (account_status = 'exhausted' or health < 0.6)
               then v_now + v_window / 240 end
           ) as rests_until
      from paced
  ), awaited as (
    -- A new token will be known to work, or not, in a moment: nobody goes on to a later provider meanwhile.
    select appraised.*, rests_until = v_now and not is_alone and not is_proven and unanswered_of_token > 0 as is_awaited
      from appraised
  ), freed as (
    select awaited.*, case
             when is_awaited or provider_position > min(provider_position) filter (where is_awaited) over ()
             then greatest(rests_until, v_now + v_window / 240) else rests_until end as free_at
      from awaited
  ), queued as (
    select freed.*, case when free_at = v_now then v_now else least(
             greatest(free_at, queued_until + case when pace_ms > 0 then pace_ms else v_window / 1200 end),
             free_at + v_window / 2) end as come_at
      from freed
  )
  select * into v_choice from queued order by come_at, provider_position, room desc, open_of_token, position limit 1;

  if not found or v_choice.free_at = 'infinity' then
    return jsonb_build_object('status', 'none');
  elsif v_choice.free_at > v_now then
    update public.provider_accounts account set queued_until = to_timestamp(v_choice.come_at / 1000)
     where account.provider = v_choice.provider and account.account = v_choice.account and account.lane = p_lane;
    return jsonb_build_object('status', 'wait', 'wait_ms', ceil(v_choice.come_at - v_now));
  end if;
  if v_choice.per_window is not null then
    update public.provider_accounts account
       set paced_at = to_timestamp((greatest(v_choice.due_at, v_now) + v_choice.pace_ms) / 1000)
     where account.provider = v_choice.provider and account.account = v_choice.account and account.lane = p_lane;
  end if;
  return jsonb_build_object('status', 'token', 'candidate', v_choice.value);
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.close_functions(VARIADIC p_names text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_roles text := safelight.roles('anon', 'authenticated', 'service_role');
  v_function regprocedure;
begin
  for v_function in
    select f.oid::regprocedure from pg_catalog.pg_proc f
     where f.pronamespace = 'safelight'::regnamespace
        or (f.pronamespace = 'public'::regnamespace and f.proname = any (p_names))
  loop
    execute format('revoke all on function %s from public', v_function);
    if v_roles is not null then
      execute format('revoke all on function %s from %s', v_function, v_roles);
    end if;
  end loop;
  for v_function in
    select f.oid::regprocedure from pg_catalog.pg_proc f
     where f.pronamespace = 'public'::regnamespace and f.proname = any (p_names)
       and safelight.roles('service_role') is not null
  loop
    execute format('grant execute on function %s to service_role', v_function);
  end loop;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.close_tables(VARIADIC p_names text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_roles text := safelight.roles('anon', 'authenticated', 'service_role');
  v_name text;
begin
  foreach v_name in array p_names loop
    execute format('alter table public.%I enable row level security', v_name);
    execute format('revoke all on public.%I from public', v_name);
    if v_roles is not null then
      execute format('revoke all on public.%I from %s', v_name, v_roles);
    end if;
    if safelight.roles('service_role') is not null then
      execute format('grant select on public.%I to service_role', v_name);
    end if;
  end loop;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.compare_accounts(p_users uuid[], p_whole boolean)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION safelight.compare_new_entries(p_from bigint, p_below bigint)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION safelight.email_hash(p_email text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select sha256(convert_to(case
      when domain in ('gmail.com', 'googlemail.com') then replace(name, '.', '') || '@gmail.com'
      else name || '@' || domain end, 'UTF8'))
    from (
      select split_part(regexp_replace(lower(trim(p_email)), '@[^@]*$', ''), '+', 1) as name,
             substring(lower(trim(p_email)) from '@([^@]*)$') as domain
    ) address
$function$
;

CREATE OR REPLACE FUNCTION safelight.end_attempt()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  update public.job_attempts set ended_at = coalesce(ended_at, clock_timestamp())
   where id = (old.attempt ->> 'id')::uuid;
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.forbid_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.from_ms(p_instant double precision)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 IMMUTABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return to_timestamp(p_instant / 1000);
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.grant_once(p_user_id uuid, p_amount bigint, p_reference text, p_description text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_balance bigint;
  v_entry public.credit_ledger;
begin
  if p_user_id is null or p_reference is null or p_amount is null or p_amount <= 0 then
    select balance into v_balance from public.credit_accounts where user_id = p_user_id;
    return jsonb_build_object('outcome', 'invalid', 'balance', coalesce(v_balance, 0));
  end if;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict do nothing;
  select balance into v_balance from public.credit_accounts where user_id = p_user_id for no key update;
  select * into v_entry from public.credit_ledger where reference = p_reference and kind = 'grant';
  if found then
    return jsonb_build_object('balance', v_balance, 'outcome', case
      when v_entry.user_id = p_user_id and v_entry.delta = p_amount then 'replayed' else 'conflict' end);
  end if;
  v_entry := safelight.post_entry(p_user_id, 'grant', p_amount, p_reference, null, coalesce(p_description, ''), '{}');
  if v_entry.seq is null then
    -- Somebody else's account was given this grant a moment ago.
    raise exception 'lost race: grant %', p_reference using errcode = 'serialization_failure';
  end if;
  return jsonb_build_object('outcome', 'granted', 'balance', v_entry.balance_after);
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.insert_job(p_job jsonb, p_state text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_job jsonb;
begin
  insert into public.generation_jobs as job (id, user_id, model, kind, input, price, count, idempotency_key,
                                             request_hash, request_id, state, queue_until)
  values ((p_job ->> 'id')::uuid, (p_job ->> 'userId')::uuid, p_job ->> 'model', p_job ->> 'kind', p_job -> 'input',
          (p_job ->> 'price')::integer, (p_job ->> 'count')::integer, p_job ->> 'idempotencyKey',
          p_job ->> 'requestHash', p_job ->> 'requestId', p_state,
          safelight.from_ms((p_job ->> 'queueUntil')::double precision))
  on conflict do nothing returning to_jsonb(job) into v_job;
  if not found then
    raise exception 'lost race: job %', p_job ->> 'id' using errcode = 'serialization_failure';
  end if;
  return v_job;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.lane_use(p_provider text, p_account text, p_lane text, p_token text, p_window_ms double precision)
 RETURNS TABLE(sent integer, accepted integer, open_now integer, open_accepted integer, unanswered integer, open_of_token integer, unanswered_of_token integer)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_window interval := make_interval(secs => p_window_ms / 1000);
begin
  select count(*), count(accepted_at) into sent, accepted from public.job_attempts
   where provider || ' ' || account || ' ' || lane = p_provider || ' ' || p_account || ' ' || p_lane
     and acquired_at > v_now - v_window and account = p_account and lane = p_lane;
  select count(*), count(accepted_at), count(*) filter (where waits), count(*) filter (where token = p_token),
         count(*) filter (where waits and token = p_token)
    into open_now, open_accepted, unanswered, open_of_token, unanswered_of_token
    from (select attempt.token, attempt.accepted_at,
                 attempt.accepted_at is null and acquired_at > v_now - interval '10 seconds' as waits
            from public.job_attempts attempt
           where provider = p_provider and account = p_account and lane = p_lane and ended_at is null
             and (started_at is not null or attempt.accepted_at is not null or acquired_at > v_now - interval '1 minute')
         ) attempt;
  return next;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.let_users_read(p_table text, VARIADIC p_columns text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  if safelight.roles('authenticated') is not null then
    execute format('grant select (%s) on public.%I to authenticated',
      (select string_agg(quote_ident(name), ', ') from unnest(p_columns) name), p_table);
  end if;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.limit_state(p_name text, p_hits timestamp with time zone[], p_max integer, p_window_seconds integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_window interval := make_interval(secs => p_window_seconds);
  v_last integer := coalesce(cardinality(p_hits), 0);
  v_first integer := 1;                         -- of those inside the window
  v_leaves timestamptz;
begin
  while p_hits[v_first] <= v_now - v_window loop
    v_first := v_first + 1;
  end loop;
  v_leaves := case when p_max < 1 then v_now else p_hits[greatest(v_first, v_last - p_max + 1)] end;
  return jsonb_build_object(
    'name', p_name, 'max', p_max, 'window_seconds', p_window_seconds,
    'remaining', greatest(0, p_max - (v_last - v_first + 1)),
    'resets_in_ms', coalesce(ceil(date_part('epoch', v_leaves + v_window - v_now) * 1000), 0));
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.note_discrepancies(p_findings jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION safelight.on_sign_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  perform safelight.welcome(
    new.id, coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name'),
    case when new.email_confirmed_at is not null then nullif(new.email, '') end);
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.outcomes_by(p_jobs jsonb, p_name text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(outcome) order by outcome.name), '[]') from (
    select job ->> p_name as name, sum((job ->> 'jobs')::bigint) as total_jobs,
           coalesce(sum((job ->> 'jobs')::bigint) filter (where job ->> 'state' = 'succeeded'), 0) as completed_jobs,
           coalesce(sum((job ->> 'jobs')::bigint) filter (where job ->> 'state' = 'failed'), 0) as failed_jobs,
           coalesce(sum((job ->> 'jobs')::bigint) filter (where job ->> 'state' = 'canceled'), 0) as canceled_jobs,
           sum((job ->> 'charged')::bigint) as credits_charged, sum((job ->> 'refunded')::bigint) as credits_refunded
      from jsonb_array_elements(p_jobs) job
     where job ->> p_name is not null
     group by job ->> p_name
  ) outcome
$function$
;

CREATE OR REPLACE FUNCTION safelight.patched(p_patch jsonb, p_field text, p_now jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return case when p_patch ? p_field then nullif(p_patch -> p_field, 'null') else p_now end;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.post_entry(p_user_id uuid, p_kind text, p_delta bigint, p_reference text, p_job_id uuid, p_description text, p_metadata jsonb)
 RETURNS credit_ledger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_entry public.credit_ledger;
begin
  with account as (
    update public.credit_accounts set balance = balance + p_delta, seq = seq + 1
     where user_id = p_user_id and balance + p_delta >= 0
    returning balance, seq
  )
  insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, job_id, description, metadata)
  select p_user_id, account.seq, p_kind, p_delta, account.balance, p_reference, p_job_id, p_description, p_metadata
    from account
  on conflict do nothing returning * into v_entry;
  return v_entry;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.rests_until(p_standing jsonb)
 RETURNS double precision
 LANGUAGE plpgsql
 IMMUTABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return case when p_standing ->> 'status' = 'disabled' then 'infinity'
              else coalesce((p_standing ->> 'restingUntil')::double precision, 0) end;
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.retention()
 RETURNS interval
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return make_interval(days => coalesce(
    (select (setting_value #>> '{}')::integer from public.app_settings where setting_key = 'retention_days'), 30));
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.roles(VARIADIC p_names text[])
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select string_agg(quote_ident(name), ', ')
    from unnest(p_names) name
   where exists (select from pg_catalog.pg_roles where rolname = name)
$function$
;

CREATE OR REPLACE FUNCTION safelight.take_hits(p_keys text[], p_maxima integer[], p_windows integer[])
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_taken integer;
begin
  insert into public.rate_limits as bucket (key, hits, expires_at)
  select key, array[clock_timestamp()],
         clock_timestamp() + make_interval(secs => p_windows[array_position(p_keys, key)])
    from unnest(p_keys) key order by key        -- everybody locks in this order
  on conflict (key) do update
     set hits = (bucket.hits || clock_timestamp())
           [greatest(1, cardinality(bucket.hits) + 2 - p_maxima[array_position(p_keys, bucket.key)]):],
         expires_at = greatest(bucket.expires_at, excluded.expires_at)
   where (bucket.hits[cardinality(bucket.hits) - p_maxima[array_position(p_keys, bucket.key)] + 1]
           > clock_timestamp() - make_interval(secs => p_windows[array_position(p_keys, bucket.key)])) is not true;
  get diagnostics v_taken = row_count;
  return v_taken = cardinality(p_keys);
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.to_ms(p_instant timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
begin
  return floor(date_part('epoch', p_instant) * 1000);
end
$function$
;

CREATE OR REPLACE FUNCTION safelight.unpaid_refunds(p_since timestamp with time zone, p_until timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object(
           'user_id', job.user_id, 'problem', 'no_refund', 'expected', job.price, 'found', 0, 'reference', job.id)), '[]')
    from public.generation_jobs job
    join public.credit_references reference on reference.reference = job.id::text
   where job.finished_at >= p_since and job.finished_at < p_until and job.finished_at is not null
     and job.state in ('failed', 'canceled') and job.media = '[]'
     and reference.charged_seq is not null and not reference.closed
$function$
;

CREATE OR REPLACE FUNCTION safelight.welcome(p_user_id uuid, p_name text, p_verified_email text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_bonus bigint := (select (setting_value #>> '{}')::bigint from public.app_settings where setting_key = 'signup_bonus');
begin
  insert into public.profiles (user_id, name) values (p_user_id, p_name) on conflict do nothing;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict do nothing;
  if p_verified_email is null or coalesce(v_bonus, 0) = 0 then
    return;
  end if;
  insert into public.signup_bonuses (email_hash, user_id)
  values (safelight.email_hash(p_verified_email), p_user_id) on conflict do nothing;
  if found then
    perform safelight.grant_once(p_user_id, v_bonus, 'signup:' || p_user_id, 'Sign-up bonus');
  end if;
end
$function$
;

-- ---------------------------------------------------------------------------------------------------- triggers

CREATE TRIGGER safelight_on_sign_up AFTER INSERT OR UPDATE OF email, email_confirmed_at ON auth.users FOR EACH ROW EXECUTE FUNCTION safelight.on_sign_up();
CREATE TRIGGER ledger_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.credit_ledger FOR EACH STATEMENT EXECUTE FUNCTION safelight.forbid_change();
alter table credit_ledger enable always trigger ledger_is_append_only;
CREATE TRIGGER attempt_ends_with_its_state AFTER UPDATE OF state ON public.generation_jobs FOR EACH ROW WHEN (((old.state = ANY (ARRAY['submitting'::text, 'running'::text])) AND (new.state <> ALL (ARRAY['submitting'::text, 'running'::text])))) EXECUTE FUNCTION safelight.end_attempt();

-- ---------------------------------------------------------------------------------------------------- grants

grant execute on function public.acquire_token to service_role;
grant execute on function public.add_media to service_role;
grant execute on function public.admit_job to service_role;
grant execute on function public.archive_expired_media to service_role;
grant execute on function public.ask_cancel to service_role;
grant execute on function public.atomic_charge_credits to service_role;
grant execute on function public.begin_attempt to service_role;
grant execute on function public.change_media to service_role;
grant execute on function public.charge_credits to service_role;
grant execute on function public.check_rate_limit to service_role;
grant execute on function public.claim_due_jobs to service_role;
grant execute on function public.claim_upkeep to service_role;
grant execute on function public.cleanup_expired_rate_limits to service_role;
grant execute on function public.close_discrepancy to service_role;
grant execute on function public.create_job to service_role;
grant execute on function public.detect_anomalies to service_role;
grant execute on function public.find_job to service_role;
grant execute on function public.find_job_by_key to service_role;
grant execute on function public.find_media to service_role;
grant execute on function public.find_user to service_role;
grant execute on function public.forget_archived_files to service_role;
grant execute on function public.get_generation_stats to service_role;
grant execute on function public.grant_credits to service_role;
grant execute on function public.has_seen_delivery to service_role;
grant execute on function public.learn_token to service_role;
grant execute on function public.list_attempts to service_role;
grant execute on function public.list_durations to service_role;
grant execute on function public.list_jobs to service_role;
grant execute on function public.list_ledger to service_role;
grant execute on function public.list_media to service_role;
grant execute on function public.list_media_of_jobs to service_role;
grant execute on function public.list_runtimes to service_role;
grant execute on function public.list_tokens_in_use to service_role;
grant execute on function public.move_job to service_role;
grant execute on function public.note_job to service_role;
grant execute on function public.peek_rate_limits to service_role;
grant execute on function public.read_balance to service_role;
grant execute on function public.read_migrations to service_role;
grant execute on function public.read_settings to service_role;
grant execute on function public.read_token_pool to service_role;
grant execute on function public.reconcile_credit_ledger to service_role;
grant execute on function public.record_attempt to service_role;
grant execute on function public.refund_charge to service_role;
grant execute on function public.refund_credits to service_role;
grant execute on function public.remember_delivery to service_role;
grant execute on function public.report_token to service_role;
grant execute on function public.settle_job to service_role;
grant execute on function public.sign_in_locally to service_role;
grant execute on function public.start_attempt to service_role;
grant execute on function public.take_rate_limits to service_role;
grant execute on function public.trim_history to service_role;
grant execute on function public.write_provider_logs to service_role;
grant execute on function public.write_settings to service_role;
grant select on table api_keys to service_role;
grant select on table app_settings to service_role;
grant select on table audit_log to service_role;
grant select (balance) on table credit_accounts to authenticated;
grant select on table credit_accounts to service_role;
grant select on table credit_checkpoints to service_role;
grant select on table credit_discrepancies to service_role;
grant select (user_id, seq, kind, delta, balance_after, reference, job_id, description, created_at) on table credit_ledger to authenticated;
grant select on table credit_ledger to service_role;
grant select on table credit_reconciliation to service_role;
grant select on table credit_references to service_role;
grant select (id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at) on table edited_images to authenticated;
grant select on table edited_images to service_role;
grant select (id, user_id, model, kind, price, state, created_at, finished_at) on table generation_jobs to authenticated;
grant select on table generation_jobs to service_role;
grant select (id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at) on table images to authenticated;
grant select on table images to service_role;
grant select on table job_attempts to service_role;
grant select (id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at) on table media to authenticated;
grant select on table media to service_role;
grant select (user_id, name, role, created_at) on table profiles to authenticated;
grant select on table profiles to service_role;
grant select on table provider_accounts to service_role;
grant select on table provider_logs to service_role;
grant select on table provider_tokens to service_role;
grant select on table rate_limits to service_role;
grant select on table safelight_migrations to service_role;
grant select on table shares to service_role;
grant select on table signup_bonuses to service_role;
grant select on table upkeep_runs to service_role;
grant select (id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at) on table uploads to authenticated;
grant select on table uploads to service_role;
grant select (id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at) on table videos to authenticated;
grant select on table videos to service_role;
grant select on table webhook_deliveries to service_role;
