/** Suites with which any implementation of a port, ours or a stranger's, proves itself. */
export { creditLedgerCases } from './conformance/credit-ledger.ts'
export { databaseCases, interplayCases } from './conformance/database.ts'
export { deliveriesCases } from './conformance/deliveries.ts'
export type { DeliveriesHarness } from './conformance/deliveries.ts'
export { jobStoreCases } from './conformance/job-store.ts'
export type { JobStoreHarness } from './conformance/job-steps.ts'
export { crashCases } from './crash/cases.ts'
export type { CrashOptions } from './crash/cases.ts'
export { finish, live } from './crash/life.ts'
export { type Random, randomOf } from './conformance/random.ts'
export { simulate as simulateJob } from './crash/simulation.ts'
export type { Simulated, SimulationOptions } from './crash/simulation.ts'
export { type Happening, happenings } from './crash/happenings.ts'
export { checkRest, checkWorld } from './crash/invariants.ts'
export type { Accepted, Books } from './crash/provider.ts'
export { scenarios } from './crash/scenarios.ts'
export { World } from './crash/world.ts'
export type { CrashHarness, Moment, Scenario } from './crash/world.ts'
export { journalCases } from './conformance/journal.ts'
export type { JournalHarness } from './conformance/journal.ts'
export type { LedgerHarness } from './conformance/ledger-steps.ts'
export { mediaLibraryCases } from './conformance/media-library.ts'
export type { MediaLibraryHarness } from './conformance/media-library.ts'
export { mediaStoreCases } from './conformance/media-store.ts'
export type { MediaStoreHarness } from './conformance/media-store.ts'
export { rateLimiterCases } from './conformance/rate-limiter.ts'
export type { RateLimiterHarness } from './conformance/rate-limiter.ts'
export { settingsCases } from './conformance/settings.ts'
export type { SettingsHarness } from './conformance/settings.ts'
export { portsOf } from './conformance/suite.ts'
export type {
  Case,
  DatabaseHarness,
  Harness,
  Make,
  PeopleHarness,
  Ports,
  PropertyOptions,
} from './conformance/suite.ts'
export { tokenPoolCases } from './conformance/token-pool.ts'
export type { TokenPoolHarness } from './conformance/token-pool-steps.ts'
export { usersCases } from './conformance/users.ts'
export type { UsersHarness } from './conformance/users.ts'
export { COUNTINGS, scenarios as poolScenarios } from '../token-pool/scenarios.ts'
export {
  type FakeAccount,
  Gate as PoolGate,
  type Outcome as PoolOutcome,
  simulate as simulatePool,
} from '../token-pool/simulation.ts'
