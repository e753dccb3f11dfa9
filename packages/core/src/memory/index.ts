export { memoryDatabase } from './database.ts'
export type { MemoryDatabase, MemoryDatabaseOptions } from './database.ts'
export type { MemoryJournal } from './journal.ts'
export { memoryMedia } from './media.ts'
