/**
 * Puts the SQL of /database into the package, so that what is published needs no files, and writes each migration's
 * checksum into its last line. Run it after every change: `node --conditions=@safelight/source packages/postgres/dev/generate.ts`.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

export const databaseFolder = new URL('../../../database/', import.meta.url)
const generatedFile = new URL('../src/generated/sql.ts', import.meta.url)

const OWN_ROW =
  /(insert into public\.safelight_migrations \(version, name, checksum\)\s+values \((\d+), '([^']+)', ')[0-9a-f]*('\))/

export interface MigrationFile {
  version: number
  name: string
  checksum: string
  sql: string
  url: URL
}

/** The migrations in order, each with its own checksum written in. The checksum is of the file without it. */
export function readMigrations(): MigrationFile[] {
  const folder = new URL('migrations/', databaseFolder)
  const files = readdirSync(folder).toSorted()
  return files.map(file => {
    const url = new URL(file, folder)
    const text = readFileSync(url, 'utf8')
    const row = OWN_ROW.exec(text)
    if (!row || `${row[3]}.sql` !== file) throw new Error(`${file} does not end by recording itself`)
    const checksum = createHash('sha256').update(text.replace(OWN_ROW, '$1$4')).digest('hex')
    return { version: Number(row[2]), name: row[3]!, checksum, sql: text.replace(OWN_ROW, `$1${checksum}$4`), url }
  })
}

/** The TypeScript module that carries all of it. */
export function generatedModule(migrations: readonly MigrationFile[]): string {
  const shim = readFileSync(new URL('platform/shim.sql', databaseFolder), 'utf8')
  const entries = migrations.map(
    ({ version, name, checksum, sql }) =>
      `  {\n    version: ${version},\n    name: '${name}',\n    checksum: '${checksum}',\n    sql: ${quoted(sql)},\n  },\n`,
  )
  return [
    '// Generated from /database by packages/postgres/dev/generate.ts. Do not edit.\n',
    'export interface Migration {\n  version: number\n  name: string\n  checksum: string\n  sql: string\n}\n\n',
    `export const shim = ${quoted(shim)}\n\n`,
    `export const migrations: readonly Migration[] = [\n${entries.join('')}]\n\n`,
    '/** Functions that only read. */\n',
    `export const readers: ReadonlySet<string> = new Set([\n${readersIn(migrations)}])\n`,
  ].join('')
}

const FUNCTION = /create (?:or replace )?function public\.(\w+)\(.*?\blanguage \w+( stable)?/gs

/** What the last definition of a function says is what it is. */
function readersIn(migrations: readonly MigrationFile[]): string {
  const found = new Map<string, boolean>()
  for (const { sql } of migrations)
    for (const [, name, stable] of sql.matchAll(FUNCTION)) found.set(name!, stable !== undefined)
  const names = [...found].filter(([, reads]) => reads).map(([name]) => name)
  return names
    .toSorted()
    .map(name => `  '${name}',\n`)
    .join('')
}

function quoted(text: string): string {
  return `\`${text.replaceAll(/[\\`]|\$\{/g, '\\$&')}\``
}

if (import.meta.main) {
  const migrations = readMigrations()
  for (const { url, sql } of migrations) writeFileSync(url, sql)
  writeFileSync(generatedFile, generatedModule(migrations))
}
