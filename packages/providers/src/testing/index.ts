/**
 * Simulators of every provider, for tests of your own code: `createWorld` holds them, `simulatedFetch` reaches them without
 * sockets, `serveSimulators` on sockets, `mswHandlers` through msw. They misbehave as their vendors do, and keep books.
 */
export { createWorld, mswHandlers, serveByVariables, serveSimulators, simulatedFetch } from './kit/index.ts'
export type * from './kit/index.ts'
export { providerCases } from './suite/cases.ts'
export type { ProviderCase } from './suite/cases.ts'
export type { ProviderUnderTest } from './suite/stage.ts'
export { simulators } from './simulators.ts'
