/** Settings, users and the journal of provider calls over SQL functions. */
import type { Journal, Settings, SettingsValues, User, Users } from '@safelight/core'
import { defaultSettings, SafelightError } from '@safelight/core'
import { type SqlDriver, sqlState } from './driver.ts'
import { isUuid } from './pages.ts'

type Call = SqlDriver['call']

const SETTING_KEYS = {
  appEnabled: 'app_enabled',
  disabledModels: 'disabled_models',
  limits: 'limits',
  signupBonus: 'signup_bonus',
  retentionDays: 'retention_days',
  freeCancelsPerDay: 'free_cancels_per_day',
} as const satisfies Record<keyof SettingsValues, string>

export function settings(call: Call): Settings {
  return {
    read: async () => valuesOf(await call<SettingRows>('read_settings', {})),
    async write(change) {
      const named = Object.entries(change).filter(([, value]) => value !== undefined)
      const rows = Object.fromEntries(named.map(([name, value]) => [SETTING_KEYS[name as keyof SettingsValues], value]))
      return valuesOf(await call<SettingRows>('write_settings', { change: rows }).catch(refuseUnfit))
    },
  }
}

type SettingRows = Readonly<Record<string, unknown>>

function valuesOf(stored: SettingRows): SettingsValues {
  const names = Object.keys(SETTING_KEYS) as (keyof SettingsValues)[]
  const values = names.map(name => [name, stored[SETTING_KEYS[name]] ?? defaultSettings[name]])
  return Object.fromEntries(values) as SettingsValues
}

/** The table checks its values. */
function refuseUnfit(error: unknown): never {
  if (sqlState(error) === '23514') {
    throw new SafelightError('invalid_input', 'A setting has a value that does not fit.', {}, { cause: error })
  }
  throw error
}

export function users(call: Call): Users {
  return {
    find: async id => (isUuid(id) ? call<User | null>('find_user', { user_id: id }) : null),
    signIn: email => call<User>('sign_in_locally', { email }),
  }
}

export function journal(call: Call): Journal {
  return {
    async record(calls) {
      if (calls.length === 0) return
      const rows = calls.map(({ at, provider, token, jobId, attemptId, action, outcome, latencyMs }) => {
        const ids = { jobId: isUuid(jobId) ? jobId : null, attemptId: isUuid(attemptId) ? attemptId : null }
        return { at, provider, token, ...ids, action, outcome, latencyMs }
      })
      await call('write_provider_logs', { calls: rows })
    },
  }
}
