/**
 * What a stranger with the public key, and a user with an access token, can do to a project: through the real API, table by
 * table and function by function, with whatever a project grants by default.
 */
import { migrate } from '@safelight/postgres'
import { createClient } from '@supabase/supabase-js'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CANNOT_RUN, type Stack, startStack } from '../test/stack.ts'
import { supabase } from './supabase.ts'

/** What a user may read of the own rows, and nothing else of anything. */
const MEDIA = 'id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at'
const READABLE: Record<string, string> = {
  generation_jobs: 'id, user_id, model, kind, state, price, created_at, finished_at',
  media: MEDIA,
  images: MEDIA,
  edited_images: MEDIA,
  videos: MEDIA,
  uploads: MEDIA,
  credit_ledger: 'user_id, seq, kind, delta, balance_after, reference, job_id, description, created_at',
  credit_accounts: 'balance',
  profiles: 'user_id, name, role, created_at',
}

interface Table {
  name: string
  columns: { name: string; type: string }[]
  /** The columns of its primary key, as `on_conflict` wants them. */
  key: string
  isPartition: boolean
}
interface Answer {
  status: number
  code: string | undefined
  body: unknown
}

for (const defaults of ['old', 'new'] as const) {
  const title = `a project that grants ${defaults === 'old' ? 'everything' : 'nothing'} by default`
  describe.skipIf(CANNOT_RUN)(`${title}${CANNOT_RUN ? ` (${CANNOT_RUN})` : ''}`, () => {
    let stack: Stack
    let me: { id: string; accessToken: string }
    let other: { id: string; accessToken: string }
    let tables: Table[]
    let functions: { name: string; args: Record<string, unknown> }[]
    let before: unknown

    beforeAll(async () => {
      stack = await startStack({ defaults })
      await migrate(stack.database)
      await stack.reload()
      ;[me, other] = [await signedUp('me'), await signedUp('other')]
      tables = await allTables(stack)
      functions = await allFunctions(stack, other.id)
      before = await everything(stack)
    })
    afterAll(() => stack.close())

    async function signedUp(name: string) {
      const { user, accessToken } = await stack.signIn(`${name}@example.test`)
      const { url, secretKey } = stack.project
      const { library, ledger } = supabase({ url, secretKey })
      for (const kind of ['image', 'edit', 'video', 'upload'] as const) {
        const file = { key: `secret/${name}`, contentType: 'image/png', bytes: 3, width: 1, height: 1, durationSeconds: null, hash: 'h' } // prettier-ignore
        await library.add({ id: randomUUID(), userId: user.id, kind, jobId: null, index: 0, file, expiresAt: null })
      }
      const charge = { userId: user.id, amount: 500, reference: randomUUID(), description: `of ${name}` }
      expect((await ledger.charge({ ...charge, kind: 'image' })).outcome).toBe('charged')
      return { id: user.id, accessToken }
    }
    const callers = () => ({ 'a stranger': stack.project.publishableKey, 'a user': me.accessToken })
    async function ask(bearer: string, path: string, init: RequestInit = {}): Promise<Answer> {
      const { url, publishableKey } = stack.project
      const answer = await fetch(`${url}/rest/v1/${path}`, {
        ...init,
        headers: {
          apikey: publishableKey,
          authorization: `Bearer ${bearer}`,
          'content-type': 'application/json',
          ...(init.headers as Record<string, string>),
        },
      })
      const text = await answer.text()
      const body: unknown = text === '' ? null : JSON.parse(text)
      const { code } = (body ?? {}) as { code?: string }
      return { status: answer.status, code, body }
    }
    const expectRefusal = (what: string, { status, code, body }: Answer) => {
      expect([what, status, code, body]).toEqual([what, expect.any(Number), '42501', expect.anything()])
      expect([401, 403]).toContain(status)
    }
    /** Partitions are read through the API and not written at all. */
    const expectNoWrite = (what: string, { isPartition }: Table, answer: Answer) => {
      if (isPartition && answer.status === 404) expect([what, answer.body]).toEqual([what, {}])
      else expectRefusal(what, answer)
    }

    test('the tables and functions that are tried are all there are', () => {
      expect(tables.length).toBeGreaterThan(20)
      expect(functions.length).toBeGreaterThan(30)
      expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(READABLE)))
    })

    test('a user reads the own rows, and of the others’ nothing', async () => {
      for (const [table, columns] of Object.entries(READABLE)) {
        const { status, body } = await ask(me.accessToken, `${table}?select=${columns.replaceAll(' ', '')}`)
        expect([table, status]).toEqual([table, 200])
        if (table === 'credit_accounts') {
          expect(body).toEqual([{ balance: 2500 }])
          continue
        }
        const owners = new Set((body as { user_id: string }[]).map(({ user_id: owner }) => owner))
        expect([table, [...owners]]).toEqual([table, table === 'generation_jobs' ? [] : [me.id]])
        const theirs = await ask(me.accessToken, `${table}?select=user_id&user_id=eq.${other.id}`)
        expect([table, theirs.body]).toEqual([table, []])
      }
    })

    test('no column but those is readable by a user, and none at all by a stranger', async () => {
      for (const { name, columns } of tables) {
        const readable = new Set(READABLE[name]?.split(', '))
        for (const { name: column } of columns) {
          expectRefusal(`${name}.${column}`, await ask(stack.project.publishableKey, `${name}?select=${column}`))
          if (!readable.has(column))
            expectRefusal(`${name}.${column}`, await ask(me.accessToken, `${name}?select=${column}`))
        }
        expectRefusal(`${name}.*`, await ask(stack.project.publishableKey, name))
        const all = await ask(me.accessToken, name)
        if (columns.some(({ name: column }) => !readable.has(column))) expectRefusal(`${name}.*`, all)
      }
    })

    test('what cannot be read cannot be filtered, ordered, counted or embedded by either', async () => {
      const ways = [
        'media?select=id&storage_key=like.secret*',
        'media?select=id&order=storage_key',
        'generation_jobs?select=id&input->>prompt=like.*',
        'credit_ledger?select=seq&metadata->>operation=eq.image',
        'credit_ledger?select=seq,metadata->>operation',
        'profiles?select=user_id,credit_accounts(*)',
        'credit_accounts?select=seq',
      ]
      for (const way of ways) {
        const { status, code } = await ask(me.accessToken, way)
        expect({ way, status: status >= 400, code: code === '42501' || code === 'PGRST200' }).toEqual({ way, status: true, code: true }) // prettier-ignore
      }
    })

    test('nobody writes anything', async () => {
      for (const [who, bearer] of Object.entries(callers())) {
        for (const table of tables) {
          const { name, columns, key } = table
          const row = Object.fromEntries(columns.map(column => [column.name, sampleOf(column.type, me.id)]))
          const [first = { name: 'id', type: 'uuid' }] = columns
          const all = `${name}?${first.name}=not.is.null`
          const body = JSON.stringify(row)
          const headers = { prefer: 'resolution=merge-duplicates' }
          const tries: [string, string, RequestInit][] = [
            ['inserts into', name, { method: 'POST', body }],
            ['upserts into', name, { method: 'POST', body, headers }],
            ['upserts by its key into', `${name}?on_conflict=${key}`, { method: 'POST', body, headers }],
            ['changes', all, { method: 'PATCH', body }],
            ['deletes from', all, { method: 'DELETE' }],
          ]
          for (const column of columns) {
            const one = JSON.stringify({ [column.name]: sampleOf(column.type, me.id) })
            tries.push([`changes ${column.name} of`, all, { method: 'PATCH', body: one }])
          }
          for (const [does, path, init] of tries)
            expectNoWrite(`${who} ${does} ${name}`, table, await ask(bearer, path, init))
        }
      }
    })

    test('nobody calls a function', async () => {
      for (const [who, bearer] of Object.entries(callers())) {
        for (const { name, args } of functions) {
          const answer = await ask(bearer, `rpc/${name}`, { method: 'POST', body: JSON.stringify(args) })
          expectRefusal(`${who} calls ${name}`, answer)
        }
      }
    })

    test('what is not for the API is not there', async () => {
      for (const [who, bearer] of Object.entries(callers())) {
        const profile = { 'accept-profile': 'safelight', 'content-profile': 'safelight' }
        const tries = {
          'a helper': await ask(bearer, 'rpc/post_entry', { method: 'POST', body: '{}' }),
          'a helper in its schema': await ask(bearer, 'rpc/post_entry', {
            method: 'POST',
            body: '{}',
            headers: profile,
          }),
          'the users': await ask(bearer, 'users'),
          'the users in their schema': await ask(bearer, 'users', { headers: { 'accept-profile': 'auth' } }),
          'the settings of the session': await ask(bearer, 'rpc/set_config', {
            method: 'POST',
            body: JSON.stringify({ setting_name: 'request.jwt.claims', new_value: '{}', is_local: false }),
          }),
        }
        for (const [what, { status }] of Object.entries(tries))
          expect([who, what, status >= 400]).toEqual([who, what, true])
      }
    })

    test('claims in headers, in the query and in another’s token are nobody’s', async () => {
      const claims = JSON.stringify({ sub: other.id, role: 'service_role' })
      const headers = {
        'request.jwt.claims': claims,
        'x-supabase-role': 'service_role',
        role: 'service_role',
        'x-forwarded-user': other.id,
      }
      const answer = await ask(me.accessToken, `media?select=user_id&user_id=eq.${other.id}`, { headers })
      expect(answer.body).toEqual([])
      const [header = '', payload = '', signature = ''] = me.accessToken.split('.')
      const read = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
      for (const change of [{ sub: other.id }, { role: 'service_role' }, { role: 'postgres' }]) {
        const forged = Buffer.from(JSON.stringify({ ...read, ...change })).toString('base64url')
        const { status } = await ask(`${header}.${forged}.${signature}`, 'media?select=id')
        expect([change, status]).toEqual([change, 401])
      }
    })

    test('the client that the page has can do no more', async () => {
      const { url, publishableKey } = stack.project
      const client = createClient(url, publishableKey, {
        auth: { persistSession: false },
        accessToken: async () => me.accessToken,
      })
      const outcomes = [
        await client.from('profiles').update({ role: 'admin' }).eq('user_id', me.id),
        await client.from('credit_accounts').update({ balance: 1_000_000 }).eq('user_id', me.id),
        await client.from('credit_accounts').upsert({ user_id: me.id, balance: 1_000_000 }, { onConflict: 'user_id' }),
        await client
          .from('credit_ledger')
          .insert({ user_id: me.id, seq: 99, kind: 'grant', delta: 1, balance_after: 1 }),
        await client.rpc('grant_credits', { p_user_id: me.id, p_amount: 1, p_key: 'k', p_description: 'mine' }),
        await client.rpc('refund_credits', { p_reference: 'x', p_reason: 'mine' }),
      ]
      for (const { error } of outcomes) expect(error?.code).toBe('42501')
    })

    test('and after all of it everything is as it was', async () => {
      expect(await everything(stack)).toEqual(before)
    })
  })
}

async function allTables({ database }: Stack): Promise<Table[]> {
  const rows = await database.query(`
    select c.relname as name,
           (select jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, null)) order by attnum)
              from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
           (select string_agg(attname, ',') from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
             where i.indrelid = c.oid and i.indisprimary) as key,
           c.relispartition as "isPartition"
      from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') order by 1`)
  return rows as object[] as Table[]
}

/** With arguments of the right names and types, so that only the privilege is in the way. */
async function allFunctions({ database }: Stack, userId: string) {
  const rows = await database.query(`
    select f.proname as name,
           coalesce((select jsonb_agg(jsonb_build_object('name', argument, 'type', format_type(type, null)) order by place)
                       from unnest(f.proargnames, f.proargtypes::oid[]) with ordinality as args (argument, type, place)
                      where type is not null), '[]') as args
      from pg_proc f where f.pronamespace = 'public'::regnamespace and f.prorettype <> 'trigger'::regtype order by 1`)
  return (rows as { name: string; args: { name: string; type: string }[] }[]).map(({ name, args }) => ({
    name,
    args: Object.fromEntries(args.map(argument => [argument.name, sampleOf(argument.type, userId)])),
  }))
}

function sampleOf(type: string, userId: string): unknown {
  if (type === 'uuid') return userId
  if (type === 'jsonb' || type === 'json') return {}
  if (type === 'boolean') return true
  if (type.startsWith('timestamp')) return '2026-01-01T00:00:00Z'
  if (type.endsWith('[]')) return []
  if (type === 'bytea') return '\\x00'
  return ['integer', 'bigint', 'smallint', 'double precision', 'numeric', 'real'].includes(type) ? 1 : 'sample'
}

/** Every row of what somebody would want to change. */
async function everything({ database }: Stack): Promise<unknown> {
  const tables = ['credit_accounts', 'credit_ledger', 'credit_references', 'profiles', 'media', 'app_settings', 'generation_jobs'] // prettier-ignore
  const rows = tables.map(async table => [
    table,
    await database.query(`select to_jsonb(t) as row from public.${table} t order by to_jsonb(t)::text`),
  ])
  return Promise.all(rows)
}
