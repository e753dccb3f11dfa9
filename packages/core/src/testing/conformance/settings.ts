/** What every `Settings` promises: everybody reads what was written last, and nobody undoes somebody else's change. */
import assert from 'node:assert/strict'
import type { Settings } from '../../contracts.ts'
import { defaultSettings } from '../../settings.ts'
import { tryToSpoil } from './job-steps.ts'
import { type Case, type Harness, type Make, suite } from './suite.ts'

export interface SettingsHarness extends Harness {
  settings: Settings
}

/** The suite of `Settings`. Every case puts back what it found. */
export function settingsCases(make: Make<SettingsHarness>): Case[] {
  return suite(make, checks)
}

/** Changes settings for the time of `work`. */
export async function withSettings<Result>(
  settings: Settings,
  change: Parameters<Settings['write']>[0],
  work: () => Promise<Result>,
): Promise<Result> {
  const before = await settings.read()
  await settings.write(change)
  try {
    return await work()
  } finally {
    await settings.write(before)
  }
}

const checks: Record<string, (harness: SettingsHarness) => Promise<void>> = {
  async 'every setting has a value of its type'({ settings }) {
    const values = await settings.read()
    assert.deepEqual(Object.keys(values).toSorted(), Object.keys(defaultSettings).toSorted())
    for (const [name, value] of Object.entries(defaultSettings)) {
      assert.equal(typeof values[name as keyof typeof values], typeof value, name)
    }
    assert(Array.isArray(values.disabledModels))
    assert.deepEqual(Object.keys(values.limits).toSorted(), Object.keys(defaultSettings.limits).toSorted())
  },

  async 'a change is read by everybody, and leaves the rest'({ settings }) {
    const before = await settings.read()
    await withSettings(settings, { appEnabled: false, disabledModels: ['a', 'b "quoted"'] }, async () => {
      const expected = { ...before, appEnabled: false, disabledModels: ['a', 'b "quoted"'] }
      assert.deepEqual(await settings.read(), expected)
      assert.deepEqual(await settings.write({ signupBonus: 17 }), { ...expected, signupBonus: 17 })
      assert.deepEqual(await settings.read(), { ...expected, signupBonus: 17 })
    })
    assert.deepEqual(await settings.read(), before)
  },

  async 'limits, an empty list and zero are values like any other'({ settings }) {
    const change = {
      limits: { userPerMinute: 7, ipPerMinute: 9, windowSeconds: 11 },
      disabledModels: [],
      signupBonus: 0,
      retentionDays: 1,
      freeCancelsPerDay: 0,
    }
    await withSettings(settings, { disabledModels: ['a'] }, async () => {
      const written = await settings.write(change)
      assert.deepEqual(await settings.read(), written)
      for (const [name, value] of Object.entries(change)) assert.deepEqual(written[name as keyof typeof change], value)
    })
  },

  async 'changes of different settings at once are all kept'({ settings }) {
    const before = await settings.read()
    await withSettings(settings, {}, async () => {
      const changes = [{ signupBonus: 41 }, { retentionDays: 42 }, { freeCancelsPerDay: 43 }, { disabledModels: ['x'] }]
      await Promise.all(changes.map(change => settings.write(change)))
      assert.deepEqual(await settings.read(), Object.assign({}, before, ...changes))
    })
  },

  async 'what is handed out, and what was handed in, is a copy'({ settings }) {
    const change = { disabledModels: ['a'] }
    await withSettings(settings, change, async () => {
      change.disabledModels.push('b')
      const values = await settings.read()
      tryToSpoil(() => values.disabledModels.push('c'))
      tryToSpoil(() => (values.limits.userPerMinute = 1_000_000))
      const now = await settings.read()
      assert.deepEqual(now.disabledModels, ['a'])
      assert.notEqual(now.limits.userPerMinute, 1_000_000)
    })
  },
}
