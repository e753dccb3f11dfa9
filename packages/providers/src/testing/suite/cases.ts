/**
 * What every provider has to survive, as cases for any test runner:
 *
 *     for (const { name, run } of providerCases({ provider: acme(), simulator, requests })) test(name, run)
 */
import assert from 'node:assert/strict'
import type { Job } from '@safelight/core'
import type { Scenario } from '../kit/simulator.ts'
import { FAULT_ROWS, type FaultRow } from './faults.ts'
import { createStage, type ProviderUnderTest, type Stage, type StageOptions } from './stage.ts'

export interface ProviderCase {
  name: string
  run: () => Promise<void>
}

export function providerCases(test: ProviderUnderTest): ProviderCase[] {
  return [
    ...test.requests.map(request => onStage(test, `${request.model}: a job`, { request }, succeeds)),
    ...FAULT_ROWS.filter(row => test.flagsOutputs || !isFlagged(row)).map(row => faultCase(test, row)),
    ...test.simulator.scenarios.map(scenario => scenarioCase(test, scenario)),
    ...partialCases(test),
    ...cancelCases(test),
    ...keyCases(test),
    ...webhookCases(test),
    ...pushCases(test),
  ]
}

function onStage(test: ProviderUnderTest, name: string, options: StageOptions, play: (stage: Stage) => Promise<void>) {
  return {
    name,
    async run() {
      const stage = await createStage(test, options)
      try {
        await play(stage)
      } finally {
        await stage.close()
      }
    },
  }
}

async function succeeds(stage: Stage): Promise<void> {
  const job = await stage.play()
  await stage.check(job)
  assert.equal(job.state, 'succeeded', `${job.failure?.code}: ${job.failure?.message}`)
}

function faultCase(test: ProviderUnderTest, { name, faults = [], plan, expect }: FaultRow): ProviderCase {
  return onStage(test, name, plan ? { plan } : {}, async stage => {
    for (const fault of faults) stage.world.fault(test.simulator.provider, fault)
    const job = await stage.play()
    await stage.check(job)
    if (expect === 'success') assert.equal(job.state, 'succeeded', `${job.failure?.code}: ${job.failure?.message}`)
    else if (expect !== 'settled') assert.equal(job.failure?.code, expect.code)
  })
}

function isFlagged({ plan }: FaultRow): boolean {
  return plan?.outputs?.kinds?.includes('flagged') === true
}

/** Kinds that end a job, whoever makes it. */
const ENDS: Record<string, string> = {
  content_policy: 'content_policy',
  invalid_input: 'refused',
  no_output: 'no_output',
}

function scenarioCase(test: ProviderUnderTest, { name, sheet, expect }: Scenario): ProviderCase {
  return onStage(test, `${sheet}: ${name}`, { plan: { scenario: name } }, async stage => {
    const job = await stage.play()
    await stage.check(job)
    if (expect.kind === 'success') assert.equal(job.state, 'succeeded', `${job.failure?.code}: ${job.failure?.message}`)
    const code = ENDS[expect.kind]
    if (code && expect.at === 'media') assert(job.failure?.code === code || job.failure?.code === 'storage_failed')
    else if (code) assert.equal(job.failure?.code, code)
    const attempts = await stage.studio.database.jobs.attempts(job.id)
    const refusal = attempts[0]?.refusal
    if (expect.at === 'submit' && expect.kind !== 'success') {
      const said = refusal ? [refusal.kind, refusal.paid] : [attempts[0]?.outcome]
      // A vendor that does not say whether it took the job leaves it unknown, and nothing is sent again.
      const isUnknown = expect.paid === 'unknown' && attempts[0]?.outcome === 'unknown'
      assert.deepEqual(said, isUnknown ? ['unknown'] : [expect.kind, expect.paid])
    }
    if (job.failure && code && expect.at !== 'submit') assert.equal(job.failure.paid, expect.paid)
  })
}

function partialCases(test: ProviderUnderTest): ProviderCase[] {
  const model = test.provider.models.find(({ id }) => id === test.requests[0]?.model)
  if (!model || !test.flagsOutputs || (model.maxCount ?? 1) < 2) return []
  const request = { ...test.requests[0]!, input: { ...test.requests[0]!.input, count: 2 } }
  const plan = { outputs: { kinds: ['good', 'flagged'] as const } }
  return [
    onStage(
      test,
      'two were asked for and one is flagged: half the credits come back',
      { request, plan },
      async stage => {
        const job = await stage.play()
        await stage.check(job)
        assert.deepEqual([job.state, job.media.length, job.refundedCredits], ['succeeded', 1, job.price / 2])
      },
    ),
  ]
}

function cancelCases(test: ProviderUnderTest): ProviderCase[] {
  if (!test.provider.cancel) return []
  return [
    onStage(
      test,
      'a cancel reaches the vendor, and the credits come back',
      { plan: { seconds: 3600 } },
      async stage => {
        const job = await cancelWhenRunning(stage)
        await stage.check(job)
        assert.equal(job.state, 'canceled')
        assert.equal(stage.world.accepted()[0]?.outcome, 'cancelled')
      },
    ),
    onStage(
      test,
      'a cancel that the vendor does not hear gives the credits back all the same',
      { plan: { seconds: 3600 } },
      async stage => {
        stage.world.fault(test.simulator.provider, { on: 'cancel', fault: 'reset', times: 10 })
        const job = await cancelWhenRunning(stage)
        assert.equal(job.state, 'canceled')
        assert.equal(job.refundedCredits, job.price)
      },
    ),
  ]
}

async function cancelWhenRunning(stage: Stage): Promise<Job> {
  const { id } = await stage.studio.submit(stage.request as never)
  await stage.quiet()
  const { state } = await stage.studio.job(id).find()
  assert.equal(state, 'running')
  await stage.studio.cancel(id)
  return stage.live(id)
}

function keyCases(test: ProviderUnderTest): ProviderCase[] {
  const { provider } = test.simulator
  return [
    onStage(test, 'a revoked key: nothing is paid, and the credits come back', {}, async stage => {
      stage.world.revoke(provider, stage.key)
      const job = await stage.play()
      await stage.check(job)
      assert.notEqual(job.state, 'succeeded')
      assert.equal(stage.world.accepted().length, 0)
    }),
    onStage(
      test,
      'a key that is revoked while the job runs: looks fail, the job does not',
      { plan: { seconds: 60 } },
      async stage => {
        const { id } = await stage.studio.submit(stage.request as never)
        await stage.quiet()
        stage.world.fault(provider, { on: ['look', 'result'], fault: 'status', status: 401, times: 5 })
        const job = await stage.live(id)
        await stage.check(job)
        assert.equal(job.state, 'succeeded')
      },
    ),
    onStage(test, 'an account without money: nothing is paid, and the credits come back', {}, async stage => {
      stage.world.exhaust(provider, stage.key)
      const job = await stage.play()
      await stage.check(job)
      assert.notEqual(job.state, 'succeeded')
      assert.equal(stage.world.accepted().length, 0)
    }),
  ]
}

function webhookCases(test: ProviderUnderTest): ProviderCase[] {
  const { provider } = test.simulator
  if (!test.provider.webhook || !test.simulator.delivery) return []
  const deliveryOf = async (stage: Stage) => {
    await stage.world.idle()
    return stage.world.deliveries(provider)[0]
  }
  return [
    onStage(
      test,
      'a delivery brings a lost submit back: one paid job, and its picture',
      { webhooks: true },
      async stage => {
        stage.world.fault(provider, { on: 'submit', fault: 'lost' })
        const job = await stage.play()
        await stage.check(job)
        assert.equal(job.state, 'succeeded', job.failure?.code)
      },
    ),
    onStage(
      test,
      'the same delivery three times is one effect',
      { webhooks: true, plan: { webhook: 'twice' } },
      async stage => {
        const job = await stage.play()
        const delivery = await deliveryOf(stage)
        assert(delivery, 'nothing was delivered')
        await stage.world.redeliver(delivery)
        await stage.check(await stage.live(job.id))
        assert.equal(job.state, 'succeeded')
      },
    ),
    onStage(test, 'a delivery whose body was changed is refused', { webhooks: true }, async stage => {
      const job = await stage.play()
      const delivery = await deliveryOf(stage)
      assert(delivery, 'nothing was delivered')
      const changed = stage.world.redeliver(delivery, { body: `${delivery.body} ` })
      await assert.rejects(changed, { code: 'bad_signature' })
      stage.advance(900)
      await assert.rejects(stage.world.redeliver(delivery), { code: 'bad_signature' })
      await stage.check(await stage.live(job.id))
    }),
  ]
}

/** In real time: a stream is what it is about. */
function pushCases(test: ProviderUnderTest): ProviderCase[] {
  if (!test.provider.follow) return []
  const { provider } = test.simulator
  const looks = (stage: Stage) => stage.world.books(provider).requests.filter(({ action }) => action === 'look').length
  return [
    onStage(test, 'pushed news: nobody asks', { live: true }, async stage => {
      await succeeds(stage)
      assert.equal(looks(stage), 0)
    }),
    ...(['reset', 'lost', 'html', 'malformed'] as const).map(fault =>
      onStage(test, `pushed news that break (${fault}): the job is asked after`, { live: true }, async stage => {
        stage.world.fault(provider, { on: 'stream', fault, times: 3 })
        await succeeds(stage)
      }),
    ),
    onStage(test, 'a stream that is cut half-way', { live: true }, async stage => {
      stage.world.fault(provider, { on: 'stream', fault: 'cut', share: 0.5, times: 3 })
      await succeeds(stage)
    }),
  ]
}
