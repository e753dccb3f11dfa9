import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { pressAgain, startPress, type Landing, type Press } from '../api/presses.ts'
import { keys, receiveBalance, receiveJob, refreshAccount } from '../api/queries.ts'
import { isSignedOut } from '../api/trouble.ts'
import type { JobList } from '../api/jobs.ts'

/** Orders a job: its card stands at once, and the balance follows the server's answer. */
export function usePresser(): (what: Pick<Press, 'request' | 'model' | 'price'>) => void {
  const client = useQueryClient()
  return useCallback(
    what => {
      const jobs = client.getQueryData<JobList>(keys.jobs)?.items ?? []
      startPress({ ...what, knownIds: new Set(jobs.map(job => job.id)) }, landingIn(client))
    },
    [client],
  )
}

export function usePressAgain(): (refused: Press) => void {
  const client = useQueryClient()
  return useCallback(refused => pressAgain(refused, landingIn(client)), [client])
}

function landingIn(client: QueryClient): Landing {
  return {
    onJob(job, balance) {
      receiveJob(client, job)
      receiveBalance(client, balance)
      void refreshAccount(client)
    },
    onRefused(error) {
      if (isSignedOut(error)) void client.invalidateQueries({ queryKey: keys.session })
      void refreshAccount(client)
    },
  }
}
