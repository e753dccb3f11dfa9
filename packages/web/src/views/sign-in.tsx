import { useMutation, useQueryClient } from '@tanstack/react-query'
import { signInLocally } from '../api/endpoints.ts'
import { keys } from '../api/queries.ts'
import { sentenceFor } from '../api/trouble.ts'
import { text } from '../messages.ts'
import type { Session } from '../api/types.ts'
import { Button } from '../parts/button.tsx'
import { DryingLine } from '../parts/drying-line.tsx'
import { EmailSignIn } from '../parts/email-sign-in.tsx'
import { Name, ThemeButton } from '../parts/top-bar.tsx'

export function SignInView({ methods }: Pick<Session, 'methods'>) {
  return (
    <div className="mx-auto flex min-h-dvh max-w-[84rem] flex-col px-5 sm:px-10">
      <header className="flex h-16 items-center justify-between">
        <Name isWorking />
        <ThemeButton />
      </header>
      <main className="grid flex-1 items-center gap-x-16 gap-y-8 py-8 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.05fr)]">
        <DryingLine />
        <div className="max-w-xl lg:order-first">
          <h1 className="text-display tracking-[-0.03em] text-balance">{text.signIn.heading}</h1>
          <p className="mt-5 max-w-md text-lead text-pretty text-muted">{text.signIn.promise}</p>
          <div className="mt-9">
            <Ways methods={methods} />
          </div>
          <ul className="mt-12 flex flex-wrap gap-x-6 gap-y-1 border-t border-line pt-5 text-fine text-muted">
            {text.signIn.points.map(point => (
              <li key={point}>{point}</li>
            ))}
          </ul>
        </div>
      </main>
    </div>
  )
}

function Ways({ methods }: Pick<Session, 'methods'>) {
  if (methods.includes('local')) return <LocalSignIn />
  if (methods.includes('email')) return <EmailSignIn />
  return <p className="text-muted">{text.signIn.otherMethods}</p>
}

function LocalSignIn() {
  const client = useQueryClient()
  const signIn = useMutation({
    mutationFn: signInLocally,
    onSuccess: ({ user }) => {
      client.setQueryData<Session>(keys.session, session => ({ methods: session?.methods ?? ['local'], user }))
    },
  })
  return (
    <>
      <Button look="primary" size="large" disabled={signIn.isPending} onClick={() => signIn.mutate()}>
        {text.signIn.local}
      </Button>
      <p className="mt-3 text-fine text-muted">{text.signIn.localNote}</p>
      {signIn.isError && (
        <p role="alert" className="mt-3 text-accent">
          {sentenceFor(signIn.error)}
        </p>
      )}
    </>
  )
}
