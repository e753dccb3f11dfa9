/** Local accounts: an e-mail is a person, and the sign-up bonus comes once. */
import type { CreditLedger, SettingsValues, User, Users } from '../contracts.ts'
import type { Accounts } from './accounts.ts'
import type { Direct } from './direct.ts'

interface Parts {
  accounts: Accounts
  ledger: Direct<CreditLedger>
  settings: () => SettingsValues
}

export function memoryUsers({ accounts, ledger, settings }: Parts): Direct<Users> {
  const users = new Map<string, User>()
  const idsByEmail = new Map<string, string>()

  return {
    find: id => users.get(id) ?? null,
    signIn(typed) {
      const email = typed.trim().toLowerCase()
      const known = users.get(idsByEmail.get(email) ?? '')
      if (known) return known
      const user: User = { id: crypto.randomUUID(), email, name: null, role: 'user' }
      users.set(user.id, user)
      idsByEmail.set(email, user.id)
      accounts.open(user.id)
      const bonus = { userId: user.id, amount: settings().signupBonus, key: `signup:${user.id}` }
      ledger.grant({ ...bonus, description: 'Sign-up bonus' })
      return user
    },
  }
}
