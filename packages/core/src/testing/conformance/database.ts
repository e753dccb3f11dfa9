/** What every `Database` promises where its ports meet: one call, all or nothing, and the books always right. */
import { admissionChecks } from './admission.ts'
import { admissionRaceChecks } from './admission-races.ts'
import { beginChecks } from './begin.ts'
import { bookChecks } from './books.ts'
import { interplayChecks } from './interplay.ts'
import { settlementChecks } from './settlement.ts'
import { type Case, type DatabaseHarness, type Make, type PropertyOptions, suite } from './suite.ts'

/**
 * The suite of a `Database` with `admit`, `begin` and `settle`; its single ports have suites of their own, see
 * `portsOf`.
 */
export function databaseCases(make: Make<DatabaseHarness>, options: PropertyOptions = {}): Case[] {
  const fused = { ...admissionChecks, ...admissionRaceChecks, ...beginChecks, ...settlementChecks }
  return [...interplayCases(make), ...suite(make, { ...fused, ...bookChecks(options) })]
}

/** The part of `databaseCases` that a database without fused calls has to pass as well. */
export function interplayCases(make: Make<DatabaseHarness>): Case[] {
  return suite(make, interplayChecks)
}
