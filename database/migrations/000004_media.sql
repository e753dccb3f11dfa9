-- 000004: media, one partition for each kind, and the links that share them.
do $migration$
begin
perform pg_advisory_xact_lock(hashtextextended('safelight.migrations', 0));
if to_regclass('public.safelight_migrations') is null then
  raise exception 'apply 000001_foundation.sql first';
end if;
if not exists (select from public.safelight_migrations where version = 3) then
  raise exception 'apply 000003_add-rate-limiting.sql first';
end if;
if exists (select from public.safelight_migrations where version = 4) then
  return;
end if;

create table public.media (
  id           uuid not null,
  kind         text not null check (kind in ('image', 'edit', 'video', 'upload')),
  user_id      uuid not null,
  job_id       uuid,
  index        integer not null default 0,
  storage_key  text not null,
  content_type text not null,
  bytes        bigint not null check (bytes > 0),
  width        integer,
  height       integer,
  duration     double precision,                -- in seconds
  hash         text not null,                   -- SHA-256 of the bytes, in hex
  placeholder  text,
  saved        boolean not null default false,
  starred      boolean not null default false,
  expires_at   timestamptz,
  archived_at  timestamptz,                     -- the bytes are gone, the row tells that they were there
  deleted_at   timestamptz,
  created_at   timestamptz not null default clock_timestamp(),
  primary key (kind, id),
  unique (kind, job_id, index)                  -- storing an output twice is storing it once
) partition by list (kind);
create table public.images        partition of public.media for values in ('image');
create table public.edited_images partition of public.media for values in ('edit');
create table public.videos        partition of public.media for values in ('video');
create table public.uploads       partition of public.media for values in ('upload');

create index media_by_id on public.media (id);
create index media_by_user on public.media (user_id, created_at desc);
create index media_by_job on public.media (job_id, index);
create index media_expired on public.media (expires_at) where archived_at is null;

-- A partition that is read directly does not inherit the policies of its parent: each has its own.
create policy "Users can view own media" on public.media for select using ((select auth.uid()) = user_id);
create policy "Users can view own images" on public.images for select using ((select auth.uid()) = user_id);
create policy "Users can view own edits" on public.edited_images for select using ((select auth.uid()) = user_id);
create policy "Users can view own videos" on public.videos for select using ((select auth.uid()) = user_id);
create policy "Users can view own uploads" on public.uploads for select using ((select auth.uid()) = user_id);

create table public.shares (
  code       text primary key,
  user_id    uuid not null,
  media_kind text not null,
  media_id   uuid not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  foreign key (media_kind, media_id) references public.media (kind, id)
);
create index shares_of_media on public.shares (media_kind, media_id);
create index shares_by_user on public.shares (user_id, created_at desc);

-- A file as the store describes it, under an id; the row that is already there where it was added before.
create function public.add_media(p_id uuid, p_user_id uuid, p_kind text, p_job_id uuid, p_index integer, p_file jsonb,
                                 p_expires_at double precision)
returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $function$
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
$function$;

create function public.find_media(p_id uuid) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select to_jsonb(media) from public.media where id = p_id
$function$;

create function public.list_media_of_jobs(p_job_ids jsonb) returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
  select coalesce(jsonb_agg(to_jsonb(media) order by media.index, media.created_at), '[]')
    from public.media
   where media.job_id in (select value::uuid from jsonb_array_elements_text(p_job_ids)) and media.deleted_at is null
$function$;

-- Newest first. A null filter lets everything through; p_search looks into the prompt of the job.
create function public.list_media(p_user_id uuid, p_kind text, p_saved boolean, p_starred boolean, p_search text,
                                  p_limit integer, p_before_at timestamptz, p_before_id uuid)
returns jsonb
language sql stable security definer set search_path = '' set enable_seqscan = off as $function$
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
$function$;

-- Null where it is not this user's. What is saved does not expire.
create function public.change_media(p_id uuid, p_user_id uuid, p_saved boolean, p_starred boolean, p_deleted boolean)
returns jsonb
language sql security definer set search_path = '' set enable_seqscan = off as $function$
  update public.media
     set saved = coalesce(p_saved, saved),
         starred = coalesce(p_starred, starred),
         expires_at = case when p_saved then null else expires_at end,
         deleted_at = case when p_deleted then coalesce(deleted_at, clock_timestamp())
                           when p_deleted is null then deleted_at end
   where id = p_id and user_id = p_user_id
  returning to_jsonb(media)
$function$;

perform safelight.close_tables('media', 'images', 'edited_images', 'videos', 'uploads', 'shares');
perform safelight.close_functions('add_media', 'find_media', 'list_media_of_jobs', 'list_media', 'change_media');
perform safelight.let_users_read(name, 'id', 'kind', 'user_id', 'job_id', 'content_type', 'bytes', 'width',
                                 'height', 'duration', 'saved', 'expires_at', 'created_at')
   from unnest(array['media', 'images', 'edited_images', 'videos', 'uploads']) name;

insert into public.safelight_migrations (version, name, checksum) values (4, '000004_media', '8060926d845858263c1ee06ef581111866ec6080362869d7c399ec6e7863954b');
end
$migration$;
