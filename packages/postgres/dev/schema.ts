/**
 * Writes database/schema.sql: the whole schema after all migrations, in one place to read and to compare. Read from the
 * catalogs, in an order that depends on names alone, so that every version of Postgres gives the same text.
 */
import { writeFileSync } from 'node:fs'
import type { SqlDriver } from '@safelight/postgres'
import { databaseFolder } from './generate.ts'

export const schemaFile = new URL('schema.sql', databaseFolder)

const OURS = `('public'::regnamespace, 'safelight'::regnamespace)`

const TABLES = `
  select format(E'create table %s (\\n%s\\n)%s;', c.oid::regclass,
    (select string_agg(line, E',\\n' order by kind, place) from (
      select 1 as kind, a.attnum::integer as place, format('  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
               coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''), case when a.attnotnull then ' not null' else '' end) as line
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      union all
      select 2, row_number() over (order by k.conname)::integer, format('  constraint %I %s', k.conname, pg_get_constraintdef(k.oid))
        from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n' and k.conparentid = 0
    ) lines),
    coalesce(' partition by ' || pg_get_partkeydef(c.oid), '') ||
    coalesce((select format(' partition of %s %s', i.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid))
                from pg_inherits i where i.inhrelid = c.oid), '') ||
    coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '')) ||
    case when c.relrowsecurity then format(E'\\nalter table %s enable row level security;', c.oid::regclass) else '' end as text
    from pg_class c where c.relnamespace in ${OURS} and c.relkind in ('r', 'p') order by c.relnamespace::regnamespace::text, c.relname`

/** What a view shows and to whom; versions of Postgres write its text differently. */
const VIEWS = `
  select format(E'-- view %s%s\\n%s', c.oid::regclass, coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', ''),
    (select string_agg(format('--   %I %s', attname, format_type(atttypid, atttypmod)), E'\\n' order by attnum)
       from pg_attribute where attrelid = c.oid and attnum > 0)) as text
    from pg_class c where c.relnamespace in ${OURS} and c.relkind = 'v' order by c.relname`

const INDEXES = `
  select pg_get_indexdef(i.indexrelid) || ';' as text from pg_index i join pg_class c on c.oid = i.indexrelid
   where c.relnamespace in ${OURS} and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
     and not exists (select from pg_inherits where inhrelid = i.indexrelid)
   order by i.indrelid::regclass::text, c.relname`

const POLICIES = `
  select format('create policy %I on %s for %s to %s using (%s);', polname, polrelid::regclass,
    case polcmd when 'r' then 'select' else polcmd::text end,
    coalesce((select string_agg(rolname, ', ') from pg_roles where oid = any (polroles)), 'public'),
    pg_get_expr(polqual, polrelid)) as text
    from pg_policy join pg_class c on c.oid = polrelid where c.relnamespace in ${OURS} order by polrelid::regclass::text, polname`

const FUNCTIONS = `
  select pg_get_functiondef(f.oid) || ';' as text from pg_proc f
   where f.pronamespace in ${OURS} order by f.pronamespace::regnamespace::text, f.proname`

const TRIGGERS = `
  select pg_get_triggerdef(t.oid) || ';' || case t.tgenabled when 'A'
           then format(E'\\nalter table %s enable always trigger %I;', t.tgrelid::regclass, t.tgname) else '' end as text
    from pg_trigger t join pg_proc f on f.oid = t.tgfoid
   where not t.tgisinternal and f.pronamespace = 'safelight'::regnamespace order by t.tgrelid::regclass::text, t.tgname`

/** Who may do what, beside the owner. A table without a line is closed to everybody. */
const GRANTS = `
  select format('grant %s on %s to %s;', string_agg(lower(privilege_type) || columns, ', ' order by privilege_type), object,
           case when grantee = 0 then 'public' else grantee::regrole::text end) as text
    from (
      select 'schema ' || n.nspname as object, acl.grantee, acl.privilege_type, '' as columns
        from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
       where n.oid = 'safelight'::regnamespace and acl.grantee <> n.nspowner
      union all
      select 'table ' || c.oid::regclass, acl.grantee, acl.privilege_type, ''
        from pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) acl
       where c.relnamespace in ${OURS} and c.relkind in ('r', 'p', 'v') and acl.grantee <> c.relowner
      union all
      select 'table ' || c.oid::regclass, acl.grantee, acl.privilege_type,
             format(' (%s)', string_agg(a.attname, ', ' order by a.attnum))
        from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) acl
       where c.relnamespace in ${OURS} and acl.grantee <> c.relowner group by c.oid, acl.grantee, acl.privilege_type
      union all
      select format('function %s.%s', f.pronamespace::regnamespace, f.proname), acl.grantee, acl.privilege_type, ''
        from pg_proc f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) acl
       where f.pronamespace in ${OURS} and acl.grantee <> f.proowner
    ) grants group by object, grantee order by object, grantee::regrole::text`

const PARTS = {
  tables: TABLES,
  views: VIEWS,
  indexes: INDEXES,
  policies: POLICIES,
  functions: FUNCTIONS,
  triggers: TRIGGERS,
  grants: GRANTS,
}

/** The schema as text. Its tables and functions are ours alone: run it on a database with nothing else in it. */
export async function dumpSchema(driver: SqlDriver): Promise<string> {
  const parts = [
    '-- The schema after all migrations. Written by packages/postgres/dev/schema.ts; apply the migrations, never this file.',
    'create schema safelight;',
  ]
  for (const [name, text] of Object.entries(PARTS)) {
    const rows = await driver.query(text)
    const lines = rows.map(row => String(row['text']))
    parts.push(
      `-- ${'-'.repeat(100)} ${name}`,
      lines.join(['tables', 'views', 'functions'].includes(name) ? '\n\n' : '\n'),
    )
  }
  return `${parts.join('\n\n')}\n`
}

if (import.meta.main) {
  const { migrate } = await import('@safelight/postgres')
  const { pglite } = await import('@safelight/postgres/pglite')
  const driver = await pglite()
  await migrate(driver)
  writeFileSync(schemaFile, await dumpSchema(driver))
  await driver.close()
}
