import { Tabs } from '@base-ui/react/tabs'
import { useCallback, useId, useState, type FormEvent, type KeyboardEvent } from 'react'
import { connection, limitSeconds, useAccount, useModels } from '../api/queries.ts'
import { pendingCredits, presses } from '../api/presses.ts'
import { useNow } from '../browser/clock.ts'
import { useStore } from '../browser/store.ts'
import { choose, draftStore, modelOf, reasonAgainst, requestOf, type Choice, type Draft } from '../draft.ts'
import { text } from '../messages.ts'
import type { Kind } from '../api/types.ts'
import { Controls } from './controls.tsx'
import { GenerateBar } from './generate-bar.tsx'
import { LoadFailure } from './notice.tsx'
import { notify } from './toasts.tsx'
import { usePresser } from './use-presser.ts'

const kinds: readonly Kind[] = ['image', 'edit', 'video']

/** Where a job is put together, priced and ordered. */
export function Composer() {
  const now = useStore(draftStore)
  return (
    <Tabs.Root value={now.kind} onValueChange={kind => draftStore.set(old => ({ ...old, kind: kind as Kind }))}>
      <Tabs.List
        aria-label={text.create.kindsLabel}
        className="mb-6 grid grid-cols-3 gap-1 rounded-control border border-line bg-mat p-1"
      >
        {kinds.map(kind => (
          <Tabs.Tab
            key={kind}
            value={kind}
            className="h-10 rounded-[5px] font-medium text-muted transition-colors hover:text-ink data-active:bg-raised data-active:text-ink data-active:shadow-card"
          >
            {text.create.kinds[kind]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {kinds.map(kind => (
        <Tabs.Panel key={kind} value={kind} tabIndex={-1} className="outline-none">
          {kind === now.kind && <Order draft={now} />}
        </Tabs.Panel>
      ))}
    </Tabs.Root>
  )
}

function Order({ draft }: { draft: Draft }) {
  const models = useModels()
  if (models.isPending) return <div className="h-[36rem]" aria-busy="true" />
  if (models.isError && !models.data) {
    return <LoadFailure what="" error={models.error} onRetry={() => void models.refetch()} />
  }
  const model = modelOf(models.data, draft)
  const choice = model && choose(model, draft)
  if (!choice) return <p className="text-muted">{text.create.noModels}</p>
  return <OrderForm choice={choice} draft={draft} models={models.data.filter(({ kind }) => kind === draft.kind)} />
}

interface OrderFormProps {
  choice: Choice
  draft: Draft
  models: Choice['model'][]
}

function OrderForm({ choice, draft, models }: OrderFormProps) {
  const [isUploading, setIsUploading] = useState(false)
  const onBusy = useCallback((isBusy: boolean) => setIsUploading(isBusy), [])
  const { reason, available } = useReason(choice, draft, isUploading)
  const press = usePresser()
  const form = useId()

  function order(event?: FormEvent): void {
    event?.preventDefault()
    if (reason) notify(reason)
    else press({ request: requestOf(choice, draft), model: choice.model, price: choice.price })
  }
  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Enter') return
    const isOrder = event.ctrlKey || event.metaKey
    // A plain Enter in a small box must not spend credits.
    if (isOrder || event.target instanceof HTMLInputElement) event.preventDefault()
    if (isOrder && !event.repeat) order()
  }
  return (
    <form id={form} onSubmit={order} onKeyDown={onKeyDown} className="space-y-6" noValidate>
      <Controls choice={choice} draft={draft} models={models} onBusy={onBusy} />
      <GenerateBar price={choice.price} available={available} reason={reason} />
    </form>
  )
}

function useReason(
  choice: Choice,
  draft: Draft,
  isUploading: boolean,
): { reason: string | null; available: number | null } {
  const account = useAccount()
  const pending = pendingCredits(useStore(presses))
  const isLost = useStore(connection) === 'lost'
  const isLimited = (account.data?.limits.remaining ?? 1) <= 0
  const now = useNow(isLimited)
  const reason = reasonAgainst(choice, draft, {
    account: account.data ?? null,
    pendingCredits: pending,
    isUploading,
    isLost,
    limitSeconds: limitSeconds(account.data, account.dataUpdatedAt, now),
  })
  return { reason, available: account.data ? account.data.balance - pending : null }
}
