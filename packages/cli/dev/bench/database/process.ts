/** One of the server processes of `processes.ts`: does what it is told, as often as it is told. */
import { postgres } from '@safelight/postgres'
import { pg } from '@safelight/postgres/pg'
import { type Figures, repeat } from './rounds.ts'
import { admit, pick, wholeJob } from './work.ts'

export interface Task {
  databaseUrl: string
  connections: number
}
/** A round of whole jobs of these users, or so many admissions at once of each of them. */
export type Order = { admissionsEach: number | null; users: string[] }
export type Done = Figures | 'admitted' | 'ready'

const task = JSON.parse(process.argv[2] ?? '') as Task
const driver = pg(task.databaseUrl, { connections: task.connections })
const database = postgres(driver)

async function follow({ admissionsEach, users }: Order): Promise<Done> {
  if (admissionsEach === null) return repeat(() => wholeJob(database, pick(users)), task.connections)
  const asked = Array.from({ length: admissionsEach }, () => users).flat()
  await Promise.all(asked.map(user => admit(database, user)))
  return 'admitted'
}

const say = (done: Done): void => void process.send?.(done)
process.on('message', order => {
  // An error ends this process, and the one that waits for it says so.
  void follow(order as Order).then(say)
})
process.on('disconnect', () => void driver.close())
say('ready')
