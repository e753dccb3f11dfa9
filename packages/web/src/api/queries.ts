/** What the page knows, as queries: where each thing comes from and what makes it stale. */
import { QueryCache, QueryClient, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import * as endpoints from './endpoints.ts'
import { Problem } from './http.ts'
import { emptyJobList, endedSince, withJob, withPage, type JobList } from './jobs.ts'
import { followJobs, type Connection } from './live.ts'
import { presses } from './presses.ts'
import { isSignedOut } from './trouble.ts'
import { text } from '../messages.ts'
import { createStore } from '../browser/store.ts'
import type { Account, Job, Media, Page, Session } from './types.ts'

export const connection = createStore<Connection>('connecting')
/** What has just ended, for those who do not see it appear. Failures speak for themselves. */
export const news = createStore('')

export const keys = {
  session: ['session'],
  models: ['models'],
  account: ['account'],
  ledger: ['ledger'],
  jobs: ['jobs'],
  media: ['media'],
} as const

export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: error => {
        if (isSignedOut(error)) void client.invalidateQueries({ queryKey: keys.session })
      },
    }),
    defaultOptions: {
      // A server on this machine answers without any network, so the browser's word "offline" pauses nothing.
      queries: {
        networkMode: 'always',
        staleTime: 30_000,
        retry: (count, error) => !(error instanceof Problem) && count < 2,
      },
      mutations: { networkMode: 'always' },
    },
  })
  return client
}

export const useSession = () =>
  useQuery({ queryKey: keys.session, queryFn: ({ signal }) => endpoints.getSession(signal), staleTime: 5 * 60_000 })

export const useModels = () =>
  useQuery({
    queryKey: keys.models,
    queryFn: async ({ signal }) => (await endpoints.listModels(signal)).items,
    staleTime: 5 * 60_000,
  })

export const useAccount = () =>
  useQuery({
    queryKey: keys.account,
    queryFn: ({ signal }) => endpoints.getAccount(signal),
    refetchInterval: ({ state }) => secondsUntilLimitsReset(state.data) * 1000 || false,
  })

/** While some of the minute is used up, the account is worth reading again when it is free. */
function secondsUntilLimitsReset(account: Account | undefined): number {
  if (!account || account.limits.remaining >= account.limits.perMinute) return 0
  return Math.min(60, Math.max(1, account.limits.resetsInSeconds))
}

export const useLedger = () =>
  useInfiniteQuery({
    queryKey: keys.ledger,
    queryFn: ({ pageParam, signal }) => endpoints.listLedger(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.nextCursor,
  })

export const useMedia = (filter: endpoints.MediaFilter) =>
  useInfiniteQuery({
    queryKey: [...keys.media, filter],
    queryFn: ({ pageParam, signal }) => endpoints.listMedia(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.nextCursor,
  })

const knownJobs = (client: QueryClient) => client.getQueryData<JobList>(keys.jobs) ?? emptyJobList

async function fetchJobs(client: QueryClient, signal?: AbortSignal): Promise<JobList> {
  const askedAt = Date.now()
  const page = await endpoints.listJobs(signal)
  const before = knownJobs(client)
  const after = withPage(before, page, askedAt)
  followEnds(client, before, after)
  return after
}

/** The end of a job changes the balance, the ledger and the gallery, however the page came to hear of it. */
function followEnds(client: QueryClient, before: JobList, after: JobList): void {
  const ended = endedSince(before, after)
  if (ended.length === 0) return
  void refreshAccount(client, true)
  const last = ended.find(job => job.state !== 'failed')
  if (last) news.set(text.jobs.news(last.input.prompt, last.state === 'canceled'))
}

export function useJobs() {
  const client = useQueryClient()
  // The stream keeps it fresh.
  return useQuery({ queryKey: keys.jobs, queryFn: ({ signal }) => fetchJobs(client, signal), staleTime: Infinity })
}

/** A job of any age: from the list where it is there, else asked for once. Ended ones never change. */
export function useJob(id: string | null) {
  const client = useQueryClient()
  return useQuery({
    queryKey: ['job', id],
    queryFn: async ({ signal }) => (await endpoints.getJob(id ?? '', signal)).job,
    enabled: id !== null,
    staleTime: Infinity,
    initialData: () => client.getQueryData<JobList>(keys.jobs)?.items.find(job => job.id === id),
  })
}

/** Media of any age: as the gallery or a job knows it, else asked for. */
export function useMediaItem(id: string, known: Media | undefined) {
  return useQuery({
    queryKey: ['media-item', id],
    queryFn: async ({ signal }) => (await endpoints.getMedia(id, signal)).media,
    enabled: known === undefined,
  })
}

/** A job as an answer or the stream brought it. */
export function receiveJob(client: QueryClient, job: Job): void {
  const before = knownJobs(client)
  const after = withJob(before, job, Date.now())
  client.setQueryData<JobList>(keys.jobs, after)
  followEnds(client, before, after)
}

export function receiveBalance(client: QueryClient, balance: number): void {
  client.setQueryData<Account>(keys.account, account => account && { ...account, balance })
}

export async function refreshAccount(client: QueryClient, andMedia = false): Promise<void> {
  await Promise.all([
    client.invalidateQueries({ queryKey: keys.account }),
    client.invalidateQueries({ queryKey: keys.ledger }),
    andMedia ? client.invalidateQueries({ queryKey: keys.media }) : undefined,
  ])
}

/** Media as it is now, or null when it was deleted: in the gallery's pages and in its job. */
export function receiveMedia(client: QueryClient, id: string, media: Media | null): void {
  const replace = (items: Media[]) => items.flatMap(item => (item.id === id ? (media ? [media] : []) : [item]))
  client.setQueriesData<{ pages: Page<Media>[]; pageParams: unknown[] }>(
    { queryKey: keys.media },
    found => found && { ...found, pages: found.pages.map(page => ({ ...page, items: replace(page.items) })) },
  )
  client.setQueryData<JobList>(
    keys.jobs,
    list => list && { ...list, items: list.items.map(job => ({ ...job, media: replace(job.media) })) },
  )
}

/** Follows the user's jobs for as long as the component stands. */
export function useLiveJobs(): void {
  const client = useQueryClient()
  useEffect(() => {
    const leaving = new AbortController()
    connection.set('connecting')
    const live = followJobs({
      onJob: job => receiveJob(client, job),
      onConnection: state => connection.set(state),
      look: () =>
        client.fetchQuery({ queryKey: keys.jobs, queryFn: ({ signal }) => fetchJobs(client, signal), staleTime: 0 }),
      signal: leaving.signal,
    })
    window.addEventListener('online', live.nudge)
    window.addEventListener('offline', live.nudge)
    return () => {
      leaving.abort()
      window.removeEventListener('online', live.nudge)
      window.removeEventListener('offline', live.nudge)
    }
  }, [client])
}

/** Signs out, and forgets everything that belonged to the person. */
export async function leave(client: QueryClient): Promise<void> {
  await endpoints.signOut()
  presses.set([])
  news.set('')
  const methods = client.getQueryData<Session>(keys.session)?.methods ?? []
  client.removeQueries({ predicate: query => query.queryKey[0] !== 'session' && query.queryKey[0] !== 'models' })
  client.setQueryData<Session>(keys.session, { user: null, methods })
}

/** How long the minute's limit holds a new job back, in seconds; counted from when the account was read. */
export function limitSeconds(account: Account | undefined, readAt: number, now: number): number {
  if (!account || account.limits.remaining > 0) return 0
  return Math.max(0, Math.ceil((readAt + account.limits.resetsInSeconds * 1000 - now) / 1000))
}
