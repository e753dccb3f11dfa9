/** What every `Users` promises: an e-mail is one person, and the sign-up bonus comes once. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { CreditLedger, Settings, Users } from '../../contracts.ts'
import { tryToSpoil } from './job-steps.ts'
import { withSettings } from './settings.ts'
import { type Case, type Harness, type Make, suite, together } from './suite.ts'

export interface UsersHarness extends Harness {
  users: Users
  ledger: CreditLedger
  settings: Settings
}

/** The suite of `Users`. */
export function usersCases(make: Make<UsersHarness>): Case[] {
  return suite(make, checks)
}

const newEmail = () => `${randomUUID()}@example.test`

const checks: Record<string, (harness: UsersHarness) => Promise<void>> = {
  async 'the first sign-in makes a user, the next finds it'({ users }) {
    const email = newEmail()
    const user = await users.signIn(email)
    assert.deepEqual(user, { id: user.id, email, name: user.name, role: 'user' })
    assert.match(user.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.deepEqual(await users.signIn(email), user)
    assert.deepEqual(await users.find(user.id), user)
  },

  async 'capitals and blanks around an e-mail make no other person'({ users }) {
    const email = newEmail()
    const { id } = await users.signIn(email)
    assert.equal((await users.signIn(`  ${email.toUpperCase()} `)).id, id)
  },

  async 'another e-mail is another person'({ users }) {
    const [one, other] = [await users.signIn(newEmail()), await users.signIn(newEmail())]
    assert.notEqual(one.id, other.id)
  },

  async 'who never came is null'({ users }) {
    assert.equal(await users.find(randomUUID()), null)
  },

  async 'the bonus of the settings comes with the first sign-in, as a grant, once'({ users, ledger, settings }) {
    await withSettings(settings, { signupBonus: 1234 }, async () => {
      const email = newEmail()
      const { id } = await users.signIn(email)
      assert.equal(await ledger.balance(id), 1234)
      await users.signIn(email)
      assert.equal(await ledger.balance(id), 1234)
      const { items } = await ledger.entries({ userId: id, limit: 10 })
      assert.deepEqual(items.map(({ kind, delta, jobId }) => [kind, delta, jobId]), [['grant', 1234, null]]) // prettier-ignore
    })
  },

  async 'without a bonus there is an account with nothing in it'({ users, ledger, settings }) {
    await withSettings(settings, { signupBonus: 0 }, async () => {
      const { id } = await users.signIn(newEmail())
      assert.deepEqual(await ledger.entries({ userId: id, limit: 10 }), { items: [], nextCursor: null })
      const charge = { userId: id, amount: 1, reference: randomUUID(), description: 'x', kind: 'image' } as const
      assert.deepEqual(await ledger.charge(charge), { outcome: 'insufficient_credits', balance: 0 })
    })
  },

  async 'of 20 first sign-ins at once comes one user with one bonus'({ users, ledger, settings }) {
    await withSettings(settings, { signupBonus: 700 }, async () => {
      const email = newEmail()
      const signedIn = await together(20, index => users.signIn(index % 2 ? email : email.toUpperCase()))
      const ids = new Set(signedIn.map(({ id }) => id))
      assert.equal(ids.size, 1)
      assert.equal(await ledger.balance(signedIn[0]!.id), 700)
      assert.equal((await ledger.entries({ userId: signedIn[0]!.id, limit: 10 })).items.length, 1)
    })
  },

  async 'nobody becomes an administrator by changing what was handed out'({ users }) {
    const user = await users.signIn(newEmail())
    tryToSpoil(() => (user.role = 'admin'))
    assert.equal((await users.find(user.id))?.role, 'user')
  },
}
