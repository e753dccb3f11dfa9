import type { Settings, SettingsValues } from '../../../contracts.ts'
import { defaultSettings } from '../../../settings.ts'
import type { SettingsHarness } from '../settings.ts'
import { type Broken, pause } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: Settings) => Partial<Settings>,
): Broken<SettingsHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => ({ ...harness, settings: { ...harness.settings, ...mistake(harness.settings) } }),
  }
}

export const brokenSettings: readonly Broken<SettingsHarness>[] = [
  broken('writes back everything it has read', 'changes of different settings at once are all kept', good => ({
    async write(change) {
      const values = await good.read()
      await pause()
      return good.write({ ...values, ...change })
    },
  })),

  broken(
    'puts defaults in place of what was not named',
    'a change is read by everybody, and leaves the rest',
    good => ({
      write: change => good.write({ ...defaultSettings, ...change }),
    }),
  ),

  broken('takes nothing for no answer', 'limits, an empty list and zero are values like any other', good => ({
    write(change) {
      const named = Object.entries(change).filter(([, value]) =>
        Array.isArray(value) ? value.length > 0 : value !== 0,
      )
      return good.write(Object.fromEntries(named) as Partial<SettingsValues>)
    },
  })),

  broken('remembers what it read first', 'a change is read by everybody, and leaves the rest', good => {
    let first: Promise<SettingsValues> | undefined
    return { read: async () => structuredClone(await (first ??= good.read())) }
  }),

  broken('hands out its own values', 'what is handed out, and what was handed in, is a copy', good => {
    let own: SettingsValues | undefined
    return {
      read: async () => (own ??= await good.read()),
      async write(change) {
        own = undefined
        return good.write(change)
      },
    }
  }),
]
