import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useState, type FormEvent, type InputHTMLAttributes } from 'react'
import { signInByEmail, signUpByEmail } from '../api/endpoints.ts'
import { Problem } from '../api/http.ts'
import { keys } from '../api/queries.ts'
import { sentenceFor } from '../api/trouble.ts'
import type { Session } from '../api/types.ts'
import { text } from '../messages.ts'
import { Button } from './button.tsx'

type Way = 'signIn' | 'signUp'
const ask = { signIn: signInByEmail, signUp: signUpByEmail }

/** E-mail and password, for who has an account and for who wants one. */
export function EmailSignIn() {
  const client = useQueryClient()
  const [way, setWay] = useState<Way>('signIn')
  const words = text.signIn.email[way]
  const enter = useMutation({
    mutationFn: (credentials: { email: string; password: string }) => ask[way](credentials),
    onSuccess: ({ user }) => {
      if (user) client.setQueryData<Session>(keys.session, now => ({ methods: now?.methods ?? ['email'], user }))
      else setWay('signIn')
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const valueOf = (name: string) => form.get(name) as string
    enter.mutate({ email: valueOf('email').trim(), password: valueOf('password') })
  }
  const turn = () => {
    setWay(way === 'signIn' ? 'signUp' : 'signIn')
    enter.reset()
  }
  return (
    <form onSubmit={submit} className="flex max-w-sm flex-col gap-4">
      <Field name="email" label={text.signIn.email.address} type="email" autoComplete="username" />
      <Field
        name="password"
        label={text.signIn.email.password}
        type="password"
        autoComplete={way === 'signIn' ? 'current-password' : 'new-password'}
      />
      {enter.isError && (
        <p role="alert" className="text-accent">
          {sentencesFor(enter.error)}
        </p>
      )}
      {enter.data && !enter.data.user && <p role="status">{enter.data.detail}</p>}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button type="submit" look="primary" size="large" disabled={enter.isPending}>
          {words.submit}
        </Button>
        <Button look="bare" size="medium" onClick={turn}>
          {words.turn}
        </Button>
      </div>
    </form>
  )
}

function Field({ label, ...input }: { label: string; name: string } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="mb-2 block caption">
        {label}
      </label>
      <input
        id={id}
        required
        {...input}
        className="h-11 w-full rounded-control border border-line bg-raised px-3.5 hover:border-edge focus:border-accent focus:outline-none"
      />
    </div>
  )
}

/** What the server says of a field begins with its verb. */
function sentencesFor(error: unknown): string {
  const fields = error instanceof Problem ? (error.body.fields ?? []) : []
  const { names } = text.signIn.email
  const known = fields.filter((field): field is { path: keyof typeof names; message: string } => field.path in names)
  return known.length > 0
    ? known.map(({ path, message }) => `${names[path]} ${message}.`).join(' ')
    : sentenceFor(error)
}
