/** What the database has to say afterwards, against what its clients were told. */
import type { SqlDriver } from '../src/driver.ts'
import { amountOf, type Entry, grantKeyOf, jobIdOf, type Kind, referenceOf, userOf } from './operations.ts'

export interface Verdict {
  /** Told to a client, and not there. */
  lost: string[]
  /** Moved twice, or more back than was taken. */
  twice: string[]
  /** Balances that are negative, or not the sum of their entries, or whose entries do not follow one another. */
  broken: string[]
  /** There, and nobody ever asked for it. */
  minted: string[]
}

interface Row {
  user_id: string
  kind: string
  delta: number
  reference: string
}

export async function verify(driver: SqlDriver, entries: readonly Entry[]): Promise<Verdict> {
  const rows = (await driver.query(
    'select user_id, kind, delta::integer as delta, reference from public.credit_ledger',
  )) as object[] as Row[]
  const ledger = new Map(rows.map(row => [`${row.kind} ${row.reference}`, row]))
  const jobs = new Map(
    (await driver.query('select id, state, refunded_credits::integer as refunded from public.generation_jobs')).map(
      row => [String(row['id']), { state: String(row['state']), refunded: Number(row['refunded']) }],
    ),
  )
  return {
    lost: entries.flatMap(entry => lostBy(entry, ledger, jobs)),
    twice: [...(await movedTwice(driver)), ...(await wrongRefunds(driver))],
    broken: await brokenBooks(driver),
    minted: mintedIn(rows, entries),
  }
}

/** Every acknowledgement is a promise; the answers of refusals promise nothing. */
function lostBy(
  { kind, number, outcome }: Entry,
  ledger: ReadonlyMap<string, Row>,
  jobs: ReadonlyMap<string, { state: string }>,
): string[] {
  const missing = (what: string) => [`${kind} ${number} was ${outcome}, and ${what}`]
  const has = (entryKind: string, reference: string, delta: number) => {
    const row = ledger.get(`${entryKind} ${reference}`)
    return row?.user_id === userOf(number) && row.delta === delta
  }
  if (kind === 'charge' && (outcome === 'charged' || outcome === 'replayed'))
    return has('charge', referenceOf(number), -amountOf(number)) ? [] : missing('nothing was taken')
  if (kind === 'refund' && (outcome === 'refunded' || outcome === 'replayed')) {
    const wasCharged = ledger.has(`charge ${referenceOf(number)}`)
    return !wasCharged || has('refund', referenceOf(number), amountOf(number)) ? [] : missing('nothing came back')
  }
  if (kind === 'refund' && outcome === 'nothing_charged')
    return ledger.has(`charge ${referenceOf(number)}`) ? missing('it was charged after that') : []
  if (kind === 'grant' && (outcome === 'granted' || outcome === 'replayed'))
    return has('grant', `grant:${grantKeyOf(number)}`, amountOf(number)) ? [] : missing('nothing was given')
  const job = jobs.get(jobIdOf(number))
  if (kind === 'admit' && (outcome === 'admitted' || outcome === 'replayed'))
    return job && ledger.has(`charge ${jobIdOf(number)}`) ? [] : missing('there is no paid job')
  if ((kind === 'fail' || kind === 'deliver') && (outcome === 'failed' || outcome === 'succeeded'))
    return job?.state === outcome ? [] : missing(`it is ${job?.state ?? 'not there'}`)
  return []
}

async function movedTwice(driver: SqlDriver): Promise<string[]> {
  const rows = await driver.query(
    'select kind, reference, count(*) as times from public.credit_ledger group by 1, 2 having count(*) > 1',
  )
  return rows.map(
    ({ kind, reference, times }) => `${String(kind)} ${String(reference)} is there ${String(times)} times`,
  )
}

/** A job that ended has given back what it did not deliver, and nothing else; no reference gives more than it took. */
async function wrongRefunds(driver: SqlDriver): Promise<string[]> {
  const rows = await driver.query(`
    select job.id, job.state, job.price, coalesce(back.delta, 0) as back,
           (select count(*) from public.media where job_id = job.id) as files
      from public.generation_jobs job
      left join public.credit_ledger taken on taken.reference = job.id::text and taken.kind = 'charge'
      left join public.credit_ledger back on back.reference = job.id::text and back.kind = 'refund'
     where taken.delta is distinct from -job.price
        or coalesce(back.delta, 0) <> job.price * case job.state when 'failed' then job.count
             when 'succeeded' then job.count - (select count(*) from public.media where job_id = job.id) else 0 end / job.count
    union all
    select null, taken.reference, -taken.delta, back.delta, null
      from public.credit_ledger back join public.credit_ledger taken using (reference)
     where back.kind = 'refund' and taken.kind = 'charge' and back.delta > -taken.delta`)
  return rows.map(row => `gave back wrongly: ${JSON.stringify(row)}`)
}

async function brokenBooks(driver: SqlDriver): Promise<string[]> {
  const rows = await driver.query(`
    select account.user_id, account.balance, account.seq, count(entry.*) as entries, sum(entry.delta) as sum,
           bool_and(entry.balance_after = entry.running and entry.seq = entry.place) as chained, min(entry.balance_after) as least
      from public.credit_accounts account
      left join (select *, sum(delta) over own as running, row_number() over own as place
                   from public.credit_ledger window own as (partition by user_id order by seq)) entry using (user_id)
     group by account.user_id
    having account.balance <> coalesce(sum(entry.delta), 0) or account.seq <> count(entry.*) or account.balance < 0
        or not coalesce(bool_and(entry.balance_after = entry.running and entry.seq = entry.place), true)
        or min(entry.balance_after) < 0`)
  return rows.map(row => JSON.stringify(row))
}

/** Something that nobody asked for: every entry of the ledger was begun by somebody. */
function mintedIn(rows: readonly Row[], entries: readonly Entry[]): string[] {
  const asked = new Set<string>()
  const ask = (kind: Kind, ...what: string[]) => what.forEach(each => asked.add(`${kind} ${each}`))
  for (const { kind, number } of entries) {
    if (kind === 'charge') ask(kind, referenceOf(number))
    if (kind === 'refund') ask(kind, referenceOf(number))
    if (kind === 'grant') ask(kind, `grant:${grantKeyOf(number)}`)
    if (kind === 'admit') ask('charge', jobIdOf(number))
    if (kind === 'fail' || kind === 'deliver') ask('refund', jobIdOf(number))
  }
  return rows
    .filter(({ kind, reference }) => !asked.has(`${kind} ${reference}`) && !reference.startsWith('grant:opening'))
    .map(({ kind, reference }) => `${kind} ${reference}`)
}
