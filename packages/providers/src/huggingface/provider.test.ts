/** Every route against the simulator, and what is asked about a key. */
import type { Model } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { HF, modelOf } from '../../test/huggingface-calls.ts'
import { createWorld, serveSimulators, simulatedFetch } from '../testing/kit/index.ts'
import { huggingface, huggingfaceModels } from './index.ts'
import { huggingfaceSimulatorAlone, leakedKeys } from './simulator.ts'

describe('every route makes what it promises, on a socket', () => {
  const routes = huggingfaceModels.flatMap((model: Model) =>
    model.routes.map(route => ({
      id: model.id,
      party: route.endpoint.split(':')[0] ?? '',
      name: `${model.id} by ${route.endpoint}`,
    })),
  )
  test.each(routes)('$name', async ({ id, party }) => {
    const world = createWorld({ simulators: [huggingfaceSimulatorAlone], seconds: 0.01 })
    const served = await serveSimulators(world)
    const provider = huggingface({
      routerUrl: served.baseUrls['HUGGINGFACE_BASE_URL'] ?? '',
      hubUrl: served.baseUrls['HUGGINGFACE_HUB_URL'] ?? '',
    })
    const model = modelOf(id, party)
    const size = model.sizes.square ? 'square' : 'landscape'
    const caller = callerOf(provider, fetch, HF)
    const end = await caller.end(
      await caller.submit(model, { size, duration: model.durations?.at(-1) ?? 0 }),
      () => undefined,
    )
    if (end.status !== 'done') throw new Error(JSON.stringify(end))
    const [output] = end.outputs
    const bytes = output && 'bytes' in output ? (output.bytes as Uint8Array) : await download(output?.url ?? '')
    if (model.kind === 'video') expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('ftyp')
    else expect(sizeOfPng(bytes)).toEqual(model.sizes[size])
    expect(world.accepted()).toMatchObject([{ outcome: 'succeeded', paid: true, keyEnd: '0001' }])
    expect(leakedKeys(world.books('huggingface'))).toEqual([])
    await served.close()
  })

  async function download(url: string): Promise<Uint8Array> {
    return new Uint8Array(await (await fetch(url)).arrayBuffer())
  }

  function sizeOfPng(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    return { width: view.getUint32(16), height: view.getUint32(20) }
  }
})

describe('a key is asked about', () => {
  const world = createWorld({ simulators: [huggingfaceSimulatorAlone] })
  const check = (secret: string) => {
    const { call } = callerOf(huggingface(), simulatedFetch(world), { secret })
    return huggingface().check(call)
  }
  test('good, revoked, without the permission', async () => {
    expect(await check('hf_good')).toEqual({ status: 'accepted' })
    expect(await check('hf_readonly')).toEqual({ status: 'refused', kind: 'permission' })
    world.revoke('huggingface', 'hf_revoked')
    expect(await check('hf_revoked')).toEqual({ status: 'refused', kind: 'auth' })
  })
  test('a key of somebody else is not shown to the hub', async () => {
    await expect(check('r8_key')).rejects.toThrow('Only tokens of Hugging Face')
  })
})
