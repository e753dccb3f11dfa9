import { useJobs, useLedger, useModels } from '../api/queries.ts'
import { clock, day, grouped, longTime, signed } from '../format.ts'
import { text } from '../messages.ts'
import type { Job, LedgerEntry } from '../api/types.ts'
import { Button } from './button.tsx'
import { LoadFailure } from './notice.tsx'

/** Every credit that came and went, newest first. */
export function Ledger() {
  const ledger = useLedger()
  const jobs = useJobs().data?.items ?? []
  const entries = ledger.data?.pages.flatMap(page => page.items) ?? []
  if (ledger.isError && entries.length === 0) {
    return <LoadFailure what={text.account.failedToLoad} error={ledger.error} onRetry={() => void ledger.refetch()} />
  }
  return (
    <section>
      <h2 className="text-title" id="ledger">
        {text.account.ledger}
      </h2>
      <p className="mt-1 mb-4 text-muted">{text.account.ledgerNote}</p>
      <table aria-labelledby="ledger" className="w-full border-collapse">
        <Head />
        <tbody>
          {entries.map(entry => (
            <Row key={entry.id} entry={entry} prompt={promptOf(entry, jobs)} />
          ))}
        </tbody>
      </table>
      {!ledger.isPending && entries.length === 0 && <p className="py-8 text-muted">{text.account.empty}</p>}
      {ledger.hasNextPage && (
        <Button className="mt-6" disabled={ledger.isFetchingNextPage} onClick={() => void ledger.fetchNextPage()}>
          {text.account.more}
        </Button>
      )}
    </section>
  )
}

function Head() {
  const { when, what, change, balance } = text.account.columns
  return (
    <thead>
      <tr className="border-b border-line text-left caption">
        <th scope="col" className="py-2 pr-4 font-medium">
          {when}
        </th>
        <th scope="col" className="py-2 pr-4 font-medium">
          {what}
        </th>
        <th scope="col" className="py-2 pr-4 text-right font-medium">
          {change}
        </th>
        <th scope="col" className="py-2 text-right font-medium">
          {balance}
        </th>
      </tr>
    </thead>
  )
}

/** What the entry was for, where the page knows the job anyway. */
function promptOf(entry: LedgerEntry, jobs: readonly Job[]): string | undefined {
  return entry.jobId === null ? undefined : jobs.find(job => job.id === entry.jobId)?.input.prompt
}

function Row({ entry, prompt }: { entry: LedgerEntry; prompt: string | undefined }) {
  const kind = text.account.kinds[entry.kind]
  const description = useModels().data?.find(model => model.id === entry.description)?.name ?? entry.description
  return (
    <tr className="border-b border-line align-baseline">
      <td className="py-3 pr-4 text-fine text-muted">
        <time dateTime={entry.createdAt} title={longTime(entry.createdAt)} className="figures">
          {day(entry.createdAt)} <span className="block sm:inline">{clock(entry.createdAt)}</span>
        </time>
      </td>
      <td className="w-full max-w-0 py-3 pr-4">
        <span className="block text-fine text-muted">{prompt === undefined ? kind : `${kind} · ${description}`}</span>
        <span className="line-clamp-2 break-words">{prompt ?? description}</span>
      </td>
      <td className={`figures py-3 pr-4 text-right font-medium ${entry.delta > 0 ? 'text-amber' : ''}`}>
        {signed(entry.delta)}
      </td>
      <td className="figures py-3 text-right text-muted">{grouped(entry.balanceAfter)}</td>
    </tr>
  )
}
