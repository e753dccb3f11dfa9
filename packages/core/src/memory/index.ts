export { memoryDatabase } from './database.ts'
export type { MemoryDatabase, MemoryDatabaseOptions } from './database.ts'
export { memoryMedia } from './media.ts'
