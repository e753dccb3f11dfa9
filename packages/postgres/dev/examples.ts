/** Runs the examples of /database as one would paste them, and writes down what they answer. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { SqlDriver } from '@safelight/postgres'
import { databaseFolder } from './generate.ts'

const folder = new URL('examples/', databaseFolder)

export interface Example {
  name: string
  sql: string
  /** Where what it answered is written down. */
  recording: URL
}

export function readExamples(): Example[] {
  const files = readdirSync(folder).filter(file => file.endsWith('.sql'))
  return files.toSorted().map(file => ({
    name: file.replace('.sql', ''),
    sql: readFileSync(new URL(file, folder), 'utf8'),
    recording: new URL(file.replace('.sql', '.out'), folder),
  }))
}

/** Every statement, and below it its rows as JSON. An example has a database for itself. */
export async function runExample({ sql }: Example, driver: SqlDriver): Promise<string> {
  const parts: string[] = []
  for (const statement of sql.split(/(?<=;)\n/).map(text => text.trim())) {
    if (statement === '') continue
    const rows = await driver.query(statement)
    parts.push([statement, ...rows.map(row => `→ ${JSON.stringify(shown(row))}`)].join('\n'))
  }
  return `${parts.join('\n\n')}\n`
}

/** Drivers differ in whether a bigint is text. */
export function shown(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const number = (value: unknown) =>
    typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, number(value)]))
}

if (import.meta.main) {
  const { migrate } = await import('@safelight/postgres')
  const { pglite } = await import('@safelight/postgres/pglite')
  for (const example of readExamples()) {
    const driver = await pglite()
    await migrate(driver)
    writeFileSync(example.recording, await runExample(example, driver))
    await driver.close()
  }
}
