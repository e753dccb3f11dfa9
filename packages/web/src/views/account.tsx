import { useMutation, useQueryClient } from '@tanstack/react-query'
import { LogOut } from 'lucide-react'
import type { ReactNode } from 'react'
import { leave, limitSeconds, useAccount } from '../api/queries.ts'
import { sentenceFor } from '../api/trouble.ts'
import { useNow } from '../browser/clock.ts'
import { forgetDraft } from '../draft.ts'
import { grouped } from '../format.ts'
import { text } from '../messages.ts'
import type { Account } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { Ledger } from '../parts/ledger.tsx'
import { LoadFailure } from '../parts/notice.tsx'
import { notify } from '../parts/toasts.tsx'

export function AccountView() {
  const account = useAccount()
  return (
    <>
      <header className="flex flex-wrap items-end justify-between gap-4 pt-8 pb-8">
        <h1 className="text-heading tracking-[-0.02em]">{text.account.heading}</h1>
        <SignOut account={account.data} />
      </header>
      {account.isError && !account.data && (
        <LoadFailure what={text.account.failedToLoad} error={account.error} onRetry={() => void account.refetch()} />
      )}
      <div className="grid items-start gap-x-14 gap-y-10 lg:grid-cols-[20rem_minmax(0,1fr)]">
        <div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-1">
          <BalanceCard account={account.data} />
          <LimitsCard account={account.data} readAt={account.dataUpdatedAt} />
        </div>
        <Ledger />
      </div>
    </>
  )
}

function SignOut({ account }: { account: Account | undefined }) {
  const client = useQueryClient()
  const signOut = useMutation({
    mutationFn: () => leave(client),
    onSuccess: forgetDraft,
    onError: error => notify(sentenceFor(error)),
  })
  return (
    <div className="flex items-center gap-4">
      {account && (
        <p className="text-fine text-muted">{account.user.email ?? account.user.name ?? text.account.localPerson}</p>
      )}
      <Button disabled={signOut.isPending} onClick={() => signOut.mutate()}>
        <LogOut className="size-4" aria-hidden="true" />
        {text.signIn.signOut}
      </Button>
    </div>
  )
}

function Card({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <section className="rounded-card border border-line bg-surface p-6 shadow-card">
      <h2 className="caption">{heading}</h2>
      {children}
    </section>
  )
}

function BalanceCard({ account }: { account: Account | undefined }) {
  return (
    <Card heading={text.account.balance}>
      <p className="figures mt-1 text-heading font-medium tracking-[-0.02em]">
        {account ? grouped(account.balance) : '…'}
      </p>
      <p className="mt-1 text-fine text-muted">{text.account.balanceNote}</p>
    </Card>
  )
}

function LimitsCard({ account, readAt }: { account: Account | undefined; readAt: number }) {
  const { remaining = 0, perMinute = 0, resetsInSeconds = 0 } = account?.limits ?? {}
  const isUsed = remaining < perMinute
  const now = useNow(isUsed)
  const left = Math.max(
    limitSeconds(account, readAt, now),
    isUsed ? Math.ceil((readAt + resetsInSeconds * 1000 - now) / 1000) : 0,
  )
  return (
    <Card heading={text.account.limits}>
      <p className="mt-2 font-medium">{account ? text.account.limitsLeft(remaining, perMinute) : '…'}</p>
      <div className="mt-3 flex gap-1" aria-hidden="true">
        {Array.from({ length: Math.min(perMinute, 30) }, (_, index) => (
          <span key={index} className={`h-1.5 flex-1 rounded-full ${index < remaining ? 'bg-accent' : 'bg-line'}`} />
        ))}
      </div>
      <p className="mt-3 text-fine text-muted">{left > 0 ? text.account.limitsReset(left) : text.account.limitsFull}</p>
    </Card>
  )
}
