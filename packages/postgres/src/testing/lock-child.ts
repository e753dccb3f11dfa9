/** A process that opens a directory and says so; run by the tests of the lock and of what a killed process leaves. */
import { postgres } from '../database.ts'
import { lockDirectory } from '../directory-lock.ts'
import { migrate } from '../migrate.ts'
import { pglite } from '../pglite.ts'
import { newJob } from './own-cases.ts'

const [directory = '', task] = process.argv.slice(2)
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  if (task === 'lock') await holdTheLock()
  else if (task === 'admit') await admitUntilKilled()
  else await openAndClose()
} catch (error) {
  say({ refused: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}

async function holdTheLock(): Promise<void> {
  await lockDirectory(directory)
  say({ opened: true })
  await word()
}

async function openAndClose(): Promise<void> {
  const driver = await pglite(directory)
  say({ opened: true })
  if ((await word()) === 'end') process.exit(0)
  await driver.close()
}

function word(): Promise<string> {
  return new Promise(resolve => {
    process.stdin.once('data', (bytes: Buffer) => {
      process.stdin.destroy()
      resolve(bytes.toString())
    })
  })
}

async function admitUntilKilled(): Promise<void> {
  const driver = await pglite(directory)
  say({ opened: true })
  await migrate(driver)
  const database = postgres(driver)
  const user = await database.users.signIn('killed@example.test')
  await database.ledger.grant({ userId: user.id, amount: 1_000_000, key: 'enough', description: 'To begin with' })
  await database.settings.write({ limits: { userPerMinute: 1000, ipPerMinute: 1000, windowSeconds: 1 } })
  for (;;) {
    const job = newJob(user.id)
    const { outcome } = await database.admit({ job, ip: null, hasCapacity: true })
    if (outcome === 'admitted') say({ admitted: job.id })
  }
}
