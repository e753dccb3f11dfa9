import { randomUUID } from 'node:crypto'
import type { User } from '../../../contracts.ts'
import type { UsersHarness } from '../users.ts'
import { type Broken, pause } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: UsersHarness) => Partial<UsersHarness['users']>,
): Broken<UsersHarness> {
  return { name, caughtBy, breaks: harness => ({ ...harness, users: { ...harness.users, ...mistake(harness) } }) }
}

const BONUS = 'the bonus of the settings comes with the first sign-in, as a grant, once'

export const brokenUsers: readonly Broken<UsersHarness>[] = [
  broken('gives the bonus with every sign-in', BONUS, ({ users, ledger, settings }) => ({
    async signIn(email) {
      const user = await users.signIn(email)
      const { items } = await ledger.entries({ userId: user.id, limit: 1 })
      const { signupBonus } = await settings.read()
      const again = { userId: user.id, amount: signupBonus, key: randomUUID(), description: 'Sign-up bonus' }
      if (items.length > 0) await ledger.grant(again)
      return user
    },
  })),

  broken('knows one bonus only', BONUS, ({ users, ledger }) => ({
    async signIn(email) {
      const user = await users.signIn(email)
      const short = 3000 - (await ledger.balance(user.id))
      if (short > 0) await ledger.grant({ userId: user.id, amount: short, key: user.id, description: 'Sign-up bonus' })
      return user
    },
  })),

  broken(
    'takes capitals for another person',
    'capitals and blanks around an e-mail make no other person',
    ({ users }) => ({
      signIn: email => users.signIn(email === email.toLowerCase() ? email : `capital-${email}`),
    }),
  ),

  broken(
    'looks first and makes a user later',
    'of 20 first sign-ins at once comes one user with one bonus',
    ({ users }) => {
      const known = new Map<string, User>()
      return {
        async signIn(email) {
          const key = email.trim().toLowerCase()
          const user = known.get(key)
          if (user) return user
          await pause()
          const made = await users.signIn(known.has(key) ? `${randomUUID()}@example.test` : key)
          known.set(key, made)
          return made
        },
      }
    },
  ),

  broken('hands out its own rows', 'nobody becomes an administrator by changing what was handed out', ({ users }) => {
    const rows = new Map<string, User>()
    return {
      async signIn(email) {
        const user = await users.signIn(email)
        rows.set(user.id, user)
        return user
      },
      find: async id => rows.get(id) ?? users.find(id),
    }
  }),
]
