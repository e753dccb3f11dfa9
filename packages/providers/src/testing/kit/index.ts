/** What simulators are made of, and how a world of them is reached. */
export type { BookEntry, Books, RequestEntry } from './books.ts'
export type { ControlMessage } from './control.ts'
export type { Limits } from './desk.ts'
export type { Fault, FaultKind } from './faults.ts'
export { mswHandlers } from './msw-handlers.ts'
export { serveSimulators } from './serve.ts'
export type { ServedSimulators } from './serve.ts'
export { serveByVariables } from './serve-by-variables.ts'
export { simulatedFetch } from './simulated-fetch.ts'
export type {
  Action,
  Desk,
  Exchange,
  NewSimulatedJob,
  OutputPlan,
  Plan,
  Scenario,
  SimulatedFile,
  SimulatedJob,
  Simulator,
} from './simulator.ts'
export { createWorld } from './world.ts'
export type { SentDelivery, World, WorldOptions } from './world.ts'
