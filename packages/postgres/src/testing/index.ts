export { letTimePass } from './harness.ts'
export { startPostgres } from './start-postgres.ts'
export type { PostgresServer } from './start-postgres.ts'
