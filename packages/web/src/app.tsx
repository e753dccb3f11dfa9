import { useEffect, useRef, type ReactNode } from 'react'
import { isOpen } from './api/jobs.ts'
import { useJobs, useLiveJobs, useSession } from './api/queries.ts'
import { usePlace, type View } from './browser/place.ts'
import { text } from './messages.ts'
import { ConnectionBanner } from './parts/connection-banner.tsx'
import { Lamp } from './parts/lamp.tsx'
import { LoadFailure } from './parts/notice.tsx'
import { TopBar } from './parts/top-bar.tsx'
import { AccountView } from './views/account.tsx'
import { CreateView } from './views/create.tsx'
import { GalleryView } from './views/gallery.tsx'
import { SignInView } from './views/sign-in.tsx'

/** Who is there decides what the page is. */
export function App() {
  const session = useSession()
  if (session.data?.user) return <Studio />
  if (session.data) return <SignInView methods={session.data.methods} />
  return (
    <main className="flex min-h-dvh items-center justify-center p-6">
      {session.isError ? (
        <LoadFailure what="" error={session.error} onRetry={() => void session.refetch()} />
      ) : (
        <p className="flex items-center gap-4 text-muted">
          <Lamp isWorking className="size-4" />
          {text.loading}
        </p>
      )}
    </main>
  )
}

const viewParts: Record<View, () => ReactNode> = { create: CreateView, gallery: GalleryView, account: AccountView }

function Studio() {
  useLiveJobs()
  const { view } = usePlace()
  const main = useRef<HTMLElement>(null)
  useArrival(view, main)
  const View = viewParts[view]
  return (
    <>
      <button
        type="button"
        onClick={() => main.current?.focus()}
        className="sr-only focus:not-sr-only focus:fixed focus:top-3 focus:left-3 focus:z-50 focus:rounded-control focus:bg-accent focus:px-4 focus:py-2 focus:text-on-accent"
      >
        {text.skip}
      </button>
      <TopBar />
      <ConnectionBanner />
      <main ref={main} tabIndex={-1} className="mx-auto max-w-[100rem] px-4 pb-24 outline-none sm:px-6 lg:px-8">
        <View />
      </main>
    </>
  )
}

/** Names the tab after the view and what goes on; a new view starts at its top, with the focus in it. */
function useArrival(view: View, main: { readonly current: HTMLElement | null }): void {
  const open = useJobs().data?.items.filter(isOpen).length ?? 0
  const last = useRef(view)
  useEffect(() => {
    document.title = text.title(text.views[view], open)
  }, [view, open])
  useEffect(() => {
    if (last.current === view) return
    last.current = view
    window.scrollTo(0, 0)
    main.current?.focus({ preventScroll: true })
  }, [view, main])
}
