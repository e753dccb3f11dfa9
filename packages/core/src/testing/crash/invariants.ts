/** What holds in every world once it has come to rest, whatever happened in it. */
import assert from 'node:assert/strict'
import type { Job } from '../../contracts.ts'
import { isEnded } from '../../lifecycle.ts'
import { webhook } from './happenings.ts'
import type { Script } from './provider.ts'
import { endOf, GRANT, orRefusal, PRICE, type World } from './world.ts'

/** Ends in which a picture that somebody paid for may be lost; each has its reason in the state table. */
const MAY_LOSE = new Set(['canceled', 'failed: submit_unknown', 'failed: timed_out', 'failed: storage_failed'])

export async function checkWorld(world: World, allowedEnds: readonly string[]): Promise<void> {
  const jobs = await world.jobs()
  assert.ok(jobs.length <= 1, `one request, ${jobs.length} jobs`)
  for (const job of jobs) {
    assert.ok(isEnded(job), `left open in ${job.state}`)
    assert.ok(allowedEnds.includes(endOf(job)), `ended as ${endOf(job)}, not as ${allowedEnds.join(' or ')}`)
  }
  await checkMoney(world, jobs)
  await checkProviders(world, jobs)
  for (const job of jobs) await checkFiles(world, job)
}

async function checkMoney(world: World, jobs: readonly Job[]): Promise<void> {
  const { ledger } = world.harness.database
  const { items } = await ledger.entries({ userId: world.userId, limit: 100 })
  const balance = await ledger.balance(world.userId)
  const sum = items.reduce((total, { delta }) => total + delta, 0)
  assert.equal(balance, sum, 'the balance is the sum of the ledger')
  for (const job of jobs) {
    const charges = items.filter(entry => entry.jobId === job.id && entry.kind === 'charge')
    const refunds = items.filter(entry => entry.jobId === job.id && entry.kind === 'refund')
    assert.ok(charges.length <= 1, `charged ${charges.length} times`)
    assert.ok(refunds.length <= 1, `refunded ${refunds.length} times`)
  }
  const kept = jobs.reduce((total, job) => total + (job.state === 'succeeded' ? PRICE * job.media.length : 0), 0)
  assert.equal(balance, (world.scenario.balance ?? GRANT) - kept, 'what was delivered is paid for, and nothing else')
  for (const job of jobs) {
    const back = job.price - (job.state === 'succeeded' ? PRICE * job.media.length : 0)
    const wasCharged = items.some(entry => entry.jobId === job.id)
    assert.equal(job.refundedCredits, wasCharged ? back : 0, 'the job says what came back')
  }
}

async function checkProviders(world: World, jobs: readonly Job[]): Promise<void> {
  const billed = world.providers.flatMap(({ accepted }) => accepted.filter(job => job.billed))
  assert.ok(billed.length <= 1, `${billed.length} jobs are billed for one request`)
  for (const provider of world.providers) {
    const attempts = provider.accepted.map(({ attemptId }) => attemptId)
    assert.equal(new Set(attempts).size, attempts.length, 'an attempt was submitted twice')
  }
  const fails = world.scenario.providers.some(script => script.fails || script.outputs?.every(kind => kind !== 'good'))
  for (const job of jobs) {
    const isLost = billed.length === 1 && !fails && job.state !== 'succeeded'
    assert.ok(!isLost || MAY_LOSE.has(endOf(job)), `a paid picture was lost in ${endOf(job)}`)
  }
}

/** What goes on at a provider after a cancel costs money for nothing: where we know what to stop, it was asked to. */
export async function checkStopped(world: World): Promise<void> {
  for (const job of (await world.jobs()).filter(({ state }) => state === 'canceled')) {
    for (const { id, operation } of await world.harness.database.jobs.attempts(job.id)) {
      const accepted = world.providers.flatMap(provider =>
        provider.accepted.filter(({ attemptId }) => attemptId === id),
      )
      for (const { canceled } of accepted)
        assert.ok(operation === null || canceled, 'nobody asked the provider to stop')
    }
  }
}

/** Every picture that the provider made, up to as many as were asked for. */
export async function checkWhole(world: World): Promise<void> {
  const { scenario } = world
  for (const job of (await world.jobs()).filter(({ state }) => state === 'succeeded')) {
    const made = Math.max(...scenario.providers.map(({ outputs }) => goodOnes(outputs)))
    assert.equal(job.media.length, Math.min(made, job.count), 'a picture that could be had was not delivered')
  }
}

function goodOnes(outputs: Script['outputs'] = ['good']): number {
  return outputs.filter(kind => kind === 'good').length
}

async function checkFiles(world: World, job: Job): Promise<void> {
  // Bytes may come into the store after everybody has given up on whoever brings them.
  if (job.failure?.code === 'submit_unknown' && !world.stalled) {
    const kept = await world.harness.media.find(`${job.id}/`)
    assert.equal(kept.length, 0, 'a picture that is in the store was given up')
  }
  if (job.state !== 'succeeded') return
  assert.ok(job.media.length > 0, 'succeeded with nothing to show')
  const good = world.scenario.providers.map(({ outputs }) => goodOnes(outputs))
  assert.ok(job.media.length <= Math.max(...good), 'something was delivered that is no picture, or must not be shown')
  for (const { key } of job.media) {
    assert.equal((await world.harness.media.find(key)).length, 1, `${key} is not in the store`)
  }
  const records = await world.harness.database.library.ofJobs([job.id])
  assert.equal(records.length, job.media.length, 'the gallery shows what the job delivered')
}

/** An end is an end: late webhooks, cancels, sweeps and replays change nothing any more. */
export async function checkRest(world: World): Promise<void> {
  const before = (await world.jobs()).map(({ wakeAt: _, ...job }) => job)
  const balance = await world.harness.database.ledger.balance(world.userId)
  const { studio } = world.process()
  await webhook(world)
  for (const { id } of before) {
    await orRefusal(studio.cancel(id))
    await studio.resume(id)
  }
  await studio.sweep()
  const after = (await world.jobs()).map(({ wakeAt: _, ...job }) => job)
  assert.deepEqual(after, before, 'a terminal state never changes')
  assert.equal(await world.harness.database.ledger.balance(world.userId), balance, 'money moved after the end')
}
