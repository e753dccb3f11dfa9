/** A database as the app before safelight left it, clean or with what went wrong in it. Made up: its own files are not public. */
import type { SqlDriver } from '../driver.ts'
import { shim } from '../generated/sql.ts'

/** Users by what they had; ids as their numbers say. */
export const user = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
export const job = (number: number): string => `00000000-0000-4000-9000-${String(number).padStart(12, '0')}`

const TABLES = `
create table public.users (id uuid primary key references auth.users (id) on delete cascade, email text, credits integer default 3000);
create table public.credit_ledger (
  id bigint generated always as identity primary key, user_id uuid, delta integer, operation_type text, description text,
  job_id uuid, metadata jsonb, created_at timestamptz default now());
create table public.generation_jobs (
  id uuid primary key, user_id uuid, operation_type text, cost integer, status text, prompt text, model text,
  created_at timestamptz, completed_at timestamptz);
create table public.images (id uuid primary key default gen_random_uuid(), user_id uuid, url text);
create table public.rate_limits (id bigint generated always as identity, identifier text, count integer);
create table public.app_settings (setting_key text primary key, setting_value text);
insert into public.app_settings values ('app_enabled', 'true');
alter table public.users enable row level security;
create policy "Users can update own row" on public.users using (auth.uid() = id);
grant all on public.users, public.credit_ledger to anon, authenticated;
create function public.atomic_charge_credits(p_user_id uuid, p_amount integer) returns integer language sql security definer
  as 'update public.users set credits = credits - p_amount where id = p_user_id returning credits';
create function public.refund_credits(p_user_id uuid, p_amount integer) returns integer language sql security definer
  as 'update public.users set credits = credits + p_amount where id = p_user_id returning credits';
create function public.wipe() returns void language sql security definer as 'delete from public.generation_jobs';
create function public.unrelated() returns integer language sql as 'select 1';
create function public.handle_new_user() returns trigger language plpgsql security definer as $$ begin
  insert into public.users (id, email) values (new.id, new.email);
  insert into public.credit_ledger (user_id, delta, operation_type) values (new.id, 3000, 'signup_bonus');
  return new;
end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
`

export interface OriginalUser {
  number: number
  email?: string
  /** What the balance says; by default the sum of the entries. */
  credits?: number
  /** Beside the sign-up bonus, a minute apart: amount, operation, the number of a job. */
  entries?: [delta: number | null, operation: string, job?: number][]
}

/** Makes the tables and these users, each with 3000 of the sign-up. */
export async function originalApp(driver: SqlDriver, users: readonly OriginalUser[]): Promise<void> {
  await driver.query(shim)
  await driver.query(TABLES)
  for (const { number, email = `user${number}@example.test`, credits, entries = [] } of users) {
    await driver.query('insert into auth.users (id, email, email_confirmed_at) values ($1, $2, now())', [
      user(number),
      email,
    ])
    let minutes = 0
    for (const [delta, operation, jobNumber] of entries) {
      await driver.query(
        `insert into public.credit_ledger (user_id, delta, operation_type, job_id, description, created_at)
         values ($1, $2, $3, $4, 'a prompt that says too much', now() + make_interval(mins => $5))`,
        [user(number), delta, operation, jobNumber === undefined ? null : job(jobNumber), (minutes += 1)],
      )
    }
    const sum = entries.reduce((total, [delta]) => total + (delta ?? 0), 3000)
    await driver.query('update public.users set credits = $2 where id = $1', [user(number), credits ?? sum])
  }
}

export async function originalJob(
  driver: SqlDriver,
  {
    number,
    of,
    status,
    operation = 'image',
    cost = 500,
  }: { number: number; of: number; status: string; operation?: string; cost?: number },
): Promise<void> {
  await driver.query(
    `insert into public.generation_jobs values ($1, $2, $3, $4, $5, 'a fox', 'flux', now(), now() + interval '1 minute')`,
    [job(number), user(of), operation, cost, status],
  )
}
