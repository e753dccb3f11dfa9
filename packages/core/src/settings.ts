/** What an operator may change while everything runs, and what follows from it for a caller. */
import type { Limit, SettingsValues } from './contracts.ts'

/** What holds until somebody writes something else. */
export const defaultSettings: SettingsValues = {
  appEnabled: true,
  disabledModels: [],
  limits: { userPerMinute: 10, ipPerMinute: 20, windowSeconds: 60 },
  signupBonus: 3000,
  retentionDays: 30,
  freeCancelsPerDay: 10,
}

/** The limits an admission passes through: one for the user, one for the address where it is known. */
export function limitsOf({ limits }: SettingsValues, caller: { userId: string; ip: string | null }): Limit[] {
  const { windowSeconds } = limits
  const user = { key: `user:${caller.userId}`, name: 'user', max: limits.userPerMinute, windowSeconds }
  if (caller.ip === null) return [user]
  return [user, { key: `ip:${caller.ip}`, name: 'ip', max: limits.ipPerMinute, windowSeconds }]
}
