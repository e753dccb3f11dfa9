/** `safelight reconcile`, `stats` and `anomalies`: what somebody who runs the app asks its database. */
import type { Anomaly, Discrepancy, GenerationOutcomes, GenerationStats, Upkeep } from '@safelight/core'
import { postgres } from '@safelight/postgres'
import { readEnvironment } from '@safelight/server/node'
import { EXIT, PlainError, refuseWords, textOption, wholeOption, type Command, type CommandLine } from './command.ts'
import { openDatabase, openDriver } from './databases.ts'
import { createLog } from './log.ts'
import { table } from './table.ts'

/** Nothing is signed here, so no secret is asked for. */
const NO_SECRET = '-'.repeat(32)

const SETTINGS = `
The database is the one that start uses: SUPABASE_URL and its keys, DATABASE_URL, or the folder of SAFELIGHT_DATA_DIR.
The one in the folder has one user at a time: stop the server first. --json writes everything as JSON.`

export const reconcile: Command = {
  name: 'reconcile',
  help: `Compares every balance with the ledger, and says what does not add up. Exits with 1 where something does not.
A discrepancy stays in every report until somebody closes it; what is still wrong then comes back.

Usage: safelight reconcile [--whole] [--json]
       safelight reconcile --close <id> --note "what came of it"

  --whole             every entry from the first on, instead of those since the last time
  --close, --note     a discrepancy by the id that is listed
${SETTINGS}`,
  options: {
    whole: { type: 'boolean' },
    json: { type: 'boolean' },
    close: { type: 'string' },
    note: { type: 'string' },
  },

  async run(line) {
    refuseWords(reconcile, line)
    const id = textOption(line, 'close')
    if (id !== undefined) return close(id, textOption(line, 'note') ?? '')
    const whole = line.options['whole'] === true
    const report = await withDatabase(database => database.reconcileCreditLedger({ whole }))
    const { discrepancies, accountsChecked, entriesChecked } = report.summary
    const counted = `${accountsChecked} accounts and ${entriesChecked} entries were looked at`
    say(line, report, () =>
      discrepancies === 0
        ? `The books add up: ${counted}.`
        : `${discrepancies} ${discrepancies === 1 ? 'thing does' : 'things do'} not add up: ${counted}.\n\n${tableOf(report.discrepancies)}`,
    )
    return discrepancies === 0 ? EXIT.done : EXIT.failed
  },
}

export const stats: Command = {
  name: 'stats',
  help: `How the jobs of the last hours went: by model and by provider, with their credits and the median of their time.

Usage: safelight stats [--hours 24] [--json]

  --hours             of how many hours, up to 8784 (24)
${SETTINGS}`,
  options: { hours: { type: 'string' }, json: { type: 'boolean' } },

  async run(line) {
    refuseWords(stats, line)
    const found = await withDatabase(database => database.getGenerationStats(wholeOption(line, 'hours')))
    say(line, found, () => textOf(found))
    return EXIT.done
  },
}

export const anomalies: Command = {
  name: 'anomalies',
  help: `What somebody should look at: balances that stand still or drift, three refunds in an hour, grants without a reason,
ten times the usual spend, jobs that are open for twice as long as they may be. Exits with 0 whatever there is.

Usage: safelight anomalies [--hours 24] [--json]

  --hours             of how many hours, up to 744 (24)
${SETTINGS}`,
  options: { hours: { type: 'string' }, json: { type: 'boolean' } },

  async run(line) {
    refuseWords(anomalies, line)
    const found = await withDatabase(database => database.detectAnomalies(wholeOption(line, 'hours')))
    say(line, found, () => (found.length === 0 ? 'Nothing is out of the ordinary.' : tableOf(found)))
    return EXIT.done
  },
}

async function close(id: string, note: string): Promise<number> {
  if (note.trim() === '') throw new PlainError('--close wants a --note that says what came of it.', EXIT.usage)
  const isClosed = await withDatabase(database => database.closeDiscrepancy(id, note))
  if (!isClosed) throw new PlainError(`There is no open discrepancy ${id}.`)
  process.stdout.write('Closed.\n')
  return EXIT.done
}

/** Nothing is migrated here: looking at a database must not change it. */
async function withDatabase<Answer>(ask: (database: Upkeep) => Promise<Answer>): Promise<Answer> {
  const needed = Object.entries(process.env).filter(([name]) =>
    /SUPABASE|^DATABASE_URL$|^SAFELIGHT_DATA_DIR$/.test(name),
  )
  const environment = readEnvironment({ ...Object.fromEntries(needed), SAFELIGHT_SECRET: NO_SECRET })
  const { database: place, dataDirectory } = environment
  const log = createLog(process.stderr)
  const database =
    place.kind === 'supabase'
      ? await openDatabase(environment, log)
      : postgres(await openDriver({ database: place, dataDirectory }, log))
  try {
    await database.check()
    return await ask(database)
  } finally {
    await database.close()
  }
}

function say(line: CommandLine, answer: object, text: () => string): void {
  process.stdout.write(`${line.options['json'] ? JSON.stringify(answer, null, 2) : text()}\n`)
}

function tableOf(rows: readonly (Discrepancy | Anomaly)[]): string {
  const what = (row: Discrepancy | Anomaly) => ('kind' in row ? row.kind : row.problem)
  const when = (row: Discrepancy | Anomaly) => new Date('at' in row ? row.at : row.lastFoundAt).toISOString()
  return table(
    ['what', 'user', 'expected', 'found', 'reference', 'when', 'id'],
    rows.map(row => [
      what(row),
      row.userId,
      String(row.expected ?? ''),
      String(row.found ?? ''),
      row.reference ?? '',
      when(row),
      'id' in row ? row.id : '',
    ]),
  )
}

function textOf(found: GenerationStats): string {
  const { totalJobs, completedJobs, hours, medianSeconds, byModel, byProvider } = found
  if (totalJobs === 0) return `No job in ${hours} hours.`
  const rate = ((completedJobs / totalJobs) * 100).toFixed(1)
  const median = medianSeconds === null ? '' : `, half of them within ${medianSeconds.toFixed(1)} s`
  const head = ['', 'jobs', 'completed', 'failed', 'canceled', 'charged', 'refunded', 'median']
  const rows = [
    ...byModel.map(each => [each.model, ...cells(each), each.medianSeconds === null ? '' : `${each.medianSeconds.toFixed(1)} s`]), // prettier-ignore
    ...byProvider.map(each => [`at ${each.provider}`, ...cells(each), '']),
  ]
  return `${totalJobs} jobs in ${hours} hours, ${rate} % completed${median}.\n\n${table(head, rows)}`
}

function cells(outcomes: GenerationOutcomes): string[] {
  const { totalJobs, completedJobs, failedJobs, canceledJobs, creditsCharged, creditsRefunded } = outcomes
  return [totalJobs, completedJobs, failedJobs, canceledJobs, creditsCharged, creditsRefunded].map(String)
}
