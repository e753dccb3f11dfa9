/** The three ways of applying the schema to a project come to the same, and Supabase's own advisors have nothing to say about it. */
import { migrate, migrationsAsOneFile } from '@safelight/postgres'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { dumpSchema, schemaFile } from '../../postgres/dev/schema.ts'
import { CANNOT_RUN, type Stack, startStack } from '../test/stack.ts'
import { supabase as supabaseDatabase } from './supabase.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../database/migrations/', import.meta.url))
const COMMAND = fileURLToPath(new URL('../stack/node_modules/.bin/supabase', import.meta.url))

async function project(defaults: 'old' | 'new'): Promise<Stack> {
  const stack = await startStack({ defaults })
  onTestFinished(() => stack.close())
  return stack
}

/** Supabase's command line on a project; the exit code and what it printed. */
async function supabase(
  stack: Stack,
  args: readonly string[],
  folder = tmpdir(),
): Promise<{ code: number; output: string }> {
  const url = new URL(stack.databaseUrl)
  url.searchParams.set('sslmode', 'disable')
  const env = { ...process.env, SUPABASE_TELEMETRY_DISABLED: '1' }
  const all = [...args, `--remote=${url.href}`, '--workdir', folder]
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>()
  execFile(COMMAND, all, { env, cwd: folder }, (error, stdout, stderr) => {
    resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr })
  })
  return promise
}

/** A project as Supabase's command line wants it: our files as they are. */
async function projectFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'safelight-project-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'supabase'))
  await cp(MIGRATIONS, join(folder, 'supabase/migrations'), { recursive: true })
  return folder
}

const ways: Record<string, (stack: Stack) => Promise<unknown>> = {
  'safelight migrate': stack => migrate(stack.database),
  'pasted into an editor': stack => stack.database.query(migrationsAsOneFile()),
  'supabase db push': async stack => {
    const { code, output } = await supabase(stack, ['db', 'push', '--yes'], await projectFolder())
    expect([code, output]).toEqual([0, expect.any(String)])
  },
}

describe.skipIf(CANNOT_RUN)(`the schema of a project${CANNOT_RUN ? ` (${CANNOT_RUN})` : ''}`, () => {
  for (const defaults of ['old', 'new'] as const) {
    test.each(Object.keys(ways))(
      `by %s, where it grants ${defaults === 'old' ? 'everything' : 'nothing'} by default`,
      async way => {
        const stack = await project(defaults)
        await ways[way]!(stack)
        const schema = await readFile(schemaFile, 'utf8')
        expect(await dumpSchema(stack.database)).toBe(schema)
        // Each way knows of the others.
        for (const again of Object.values(ways)) await again(stack)
        expect(await dumpSchema(stack.database)).toBe(schema)
        await stack.reload()
      },
    )
  }

  // A hosted project sees to it by itself, with an event trigger; then `db push` needs no more either.
  test.each(['safelight migrate', 'pasted into an editor'])('is known to the API at once, by %s', async way => {
    const stack = await project('new')
    const { check } = supabaseDatabase(stack.project)
    await expect(check()).rejects.toThrow('no safelight schema yet')
    await ways[way]!(stack)
    await vi.waitFor(check, { timeout: 10_000 })
  })

  test('has nothing that Supabase’s advisors warn of, and they do warn', async () => {
    const stack = await project('old')
    await migrate(stack.database)
    const advise = () => supabase(stack, ['db', 'advisors', '--fail-on', 'warn', '--output-format', 'json'])
    const clean = await advise()
    expect([clean.code, clean.output]).toEqual([0, expect.any(String)])
    await stack.database.query(`
      create table public.open_to_all (id integer);
      create function public.anyone_may() returns integer language sql security definer as 'select 1'`)
    const unsafe = await advise()
    expect([unsafe.code, unsafe.output]).toEqual([1, expect.stringContaining('rls_disabled_in_public')])
  })
})

test.skipIf(CANNOT_RUN)('the command line that is tried is installed', async () => {
  const { stdout } = await promisify(execFile)(COMMAND, ['--version'])
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/)
})
