export { postgres } from './database.ts'
export type { SqlArguments, SqlDriver } from './driver.ts'
export { migrate, migrationsAsOneFile } from './migrate.ts'
export type { MigrateOptions } from './migrate.ts'
