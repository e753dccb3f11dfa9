/** What only Node has: connections of our own to providers, with limits and a guard. */
export { nodeTransport } from './transport.ts'
export type { NodeTransportOptions } from './transport.ts'
export type { Resolve } from './guard.ts'
