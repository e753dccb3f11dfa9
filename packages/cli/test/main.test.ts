import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { emptyFolder, safelight } from './processes.ts'

const run = async (...args: string[]) => safelight(args, { cwd: await emptyFolder() }).ended

it('explains itself, as a whole and each command', async () => {
  const whole = await run('--help')
  expect(whole).toMatchObject({ code: 0, stderr: '' })
  for (const command of [
    'start',
    'generate',
    'simulate',
    'registry',
    'migrate',
    'backup',
    'restore',
    'reconcile',
    'stats',
    'anomalies',
  ]) {
    expect(whole.stdout).toContain(`  ${command} `)
    const own = await run(command, '--help')
    expect(own).toMatchObject({ code: 0, stderr: '' })
    expect(own.stdout).toContain(`Usage: safelight ${command}`)
    expect(await run('help', command)).toMatchObject({ code: 0, stdout: own.stdout })
  }
  for (const line of whole.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

it('names its version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await run('--version')).toMatchObject({ code: 0, stdout: `${version}\n` })
})

it('names the commands there are when there is no such one', async () => {
  const { code, stderr } = await run('constructor')
  expect(code).toBe(2)
  expect(stderr).toBe(
    'safelight: There is no command "constructor". There are: start, generate, simulate, registry, migrate, backup, restore, reconcile, stats, anomalies.\n',
  )
})

it('prints the whole schema, to be applied elsewhere', async () => {
  const { code, stdout } = await run('migrate', '--print')
  expect(code).toBe(0)
  for (const name of ['atomic_charge_credits', 'refund_credits', 'check_rate_limit'])
    expect(stdout).toContain(`function public.${name}`)
})

it('migrates a new data directory, and finds nothing to do the second time', async () => {
  const cwd = await emptyFolder()
  const first = await safelight(['migrate'], { cwd }).ended
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(applied \d{6}_.*\n)+$/) as string })
  expect(await safelight(['migrate'], { cwd }).ended).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Up to date') as string,
  })
})
