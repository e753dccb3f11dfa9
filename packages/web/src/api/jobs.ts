/** Pure rules about jobs: which news wins, and what the list shows. */
import type { Job, JobState } from './types.ts'

export interface JobList {
  items: Job[]
  /** Whether the server has older ones than these. */
  hasOlder: boolean
  /** When each job was last heard of outside the list (stream, POST), in the page's own milliseconds. */
  heardAt: Record<string, number>
}

export const emptyJobList: JobList = { items: [], hasOlder: false, heardAt: {} }

const ended: readonly JobState[] = ['succeeded', 'failed', 'canceled']

export function isOpen(job: Pick<Job, 'state'>): boolean {
  return !ended.includes(job.state)
}

/** An end state never changes, so an open one that arrives after it is old news. */
function newer(known: Job, news: Job): Job {
  return isOpen(known) || !isOpen(news) ? news : known
}

/** One job that the stream or an answer brought. */
export function withJob(list: JobList, job: Job, now: number): JobList {
  const known = list.items.find(item => item.id === job.id)
  const items = known
    ? list.items.map(item => (item === known ? newer(known, job) : item))
    : newestFirst([job, ...list.items])
  return { ...list, items, heardAt: { ...list.heardAt, [job.id]: now } }
}

/** A page of jobs that was asked for at `askedAt`: what we heard since is newer than what it says. */
export function withPage(list: JobList, page: { items: Job[]; nextCursor: string | null }, askedAt: number): JobList {
  const since = list.items.filter(item => (list.heardAt[item.id] ?? 0) >= askedAt)
  const items = page.items.map(job => {
    const known = list.items.find(item => item.id === job.id)
    if (!known) return job
    return since.includes(known) ? known : newer(known, job)
  })
  const unlisted = since.filter(item => !page.items.some(job => job.id === item.id))
  const heardAt = Object.fromEntries(since.map(item => [item.id, list.heardAt[item.id] ?? 0]))
  return { items: newestFirst([...unlisted, ...items]), hasOlder: page.nextCursor !== null, heardAt }
}

/** Jobs that were open in one list, or not yet in it, and have ended in the other. */
export function endedSince(before: JobList, after: JobList): Job[] {
  const known = new Map(before.items.map(job => [job.id, job]))
  const isNews = (job: Job) => known.has(job.id) || before.items.length > 0
  const wasOpen = (job: Job) => isOpen(known.get(job.id) ?? { state: 'queued' })
  return after.items.filter(job => !isOpen(job) && isNews(job) && wasOpen(job))
}

function newestFirst(jobs: Job[]): Job[] {
  return jobs.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))
}
