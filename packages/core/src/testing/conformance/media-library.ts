/** What every `MediaLibrary` promises: an output has one row, whoever repeats, and only its owner changes it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { MediaLibrary, MediaRecord } from '../../contracts.ts'
import { refusesCursors, tryToSpoil } from './job-steps.ts'
import { newFile } from './samples.ts'
import { type Case, type Make, type PeopleHarness, suite, together } from './suite.ts'

export interface MediaLibraryHarness extends PeopleHarness {
  library: MediaLibrary
  /** The id of a new job of this user; any UUID where the library does not ask whether jobs are there. */
  newJob: (userId: string) => Promise<string>
}

/** The suite of `MediaLibrary`. */
export function mediaLibraryCases(make: Make<MediaLibraryHarness>): Case[] {
  return suite(make, { ...addChecks, ...listChecks, ...changeChecks })
}

type Checks = Record<string, (harness: MediaLibraryHarness) => Promise<void>>
type Addition = Parameters<MediaLibrary['add']>[0]

const EXPIRES_AT = 1_900_000_000_123

function addition(userId: string, jobId: string | null, index: number, change: Partial<Addition> = {}): Addition {
  const file = newFile({ id: jobId ?? randomUUID() }, index)
  return {
    id: randomUUID(),
    userId,
    kind: jobId === null ? 'upload' : 'image',
    jobId,
    index,
    file,
    expiresAt: EXPIRES_AT,
    ...change,
  }
}

const idsOf = (records: readonly MediaRecord[]) => records.map(({ id }) => id)

/** Adds that many rows of one new job. */
async function fill({ library, newJob }: MediaLibraryHarness, userId: string, count: number): Promise<MediaRecord[]> {
  const jobId = await newJob(userId)
  return together(count, index => library.add(addition(userId, jobId, index)))
}

const addChecks: Checks = {
  async 'a row is as it was added, neither saved nor starred'({ library, newUser, newJob }) {
    const userId = await newUser()
    const jobId = await newJob(userId)
    const clip = { contentType: 'video/mp4', width: 1280, height: 720, durationSeconds: 5.04 }
    const asked = addition(userId, jobId, 0, { kind: 'video', file: newFile({ id: jobId }, 0, clip) })
    const record = await library.add(asked)
    const { file, ...rest } = asked
    const fresh = { placeholder: null, saved: false, starred: false, archivedAt: null, deletedAt: null }
    assert.deepEqual(record, { ...rest, ...file, ...fresh, createdAt: record.createdAt })
    assert(Number.isInteger(record.createdAt))
    assert.deepEqual(await library.find(record.id), record)
    assert.equal(await library.find(randomUUID()), null)
  },

  async 'the same id again is the first row'({ library, newUser, newJob }) {
    const userId = await newUser()
    const asked = addition(userId, await newJob(userId), 0)
    const record = await library.add(asked)
    assert.deepEqual(await library.add({ ...asked, file: newFile({ id: asked.jobId! }, 0, { bytes: 9 }) }), record)
    assert.deepEqual(await library.find(record.id), record)
  },

  async 'the same output of a job again is the first row, whatever id it brings'({ library, newUser, newJob }) {
    const userId = await newUser()
    const jobId = await newJob(userId)
    const record = await library.add(addition(userId, jobId, 0))
    const again = addition(userId, jobId, 0)
    assert.deepEqual(await library.add(again), record)
    assert.equal(await library.find(again.id), null)
    assert.deepEqual(await library.ofJobs([jobId]), [record])
  },

  async 'of 20 who add one output at once all get the same row'({ library, newUser, newJob }) {
    const userId = await newUser()
    const jobId = await newJob(userId)
    const added = await together(20, () => library.add(addition(userId, jobId, 0)))
    assert.equal(new Set(idsOf(added)).size, 1)
    assert.equal((await library.ofJobs([jobId])).length, 1)
  },

  async 'uploads have no job, and every one is a row'({ library, newUser }) {
    const userId = await newUser()
    const uploads = await together(3, () => library.add(addition(userId, null, 0, { expiresAt: null })))
    assert.equal(new Set(idsOf(uploads)).size, 3)
    const { items } = await library.list({ userId, kind: 'upload', limit: 10 })
    assert.deepEqual(idsOf(items).toSorted(), idsOf(uploads).toSorted())
    assert.deepEqual([items[0]?.jobId, items[0]?.expiresAt], [null, null])
  },

  async 'the files of jobs come by index, and no others'({ library, newUser, newJob }) {
    const userId = await newUser()
    const [jobId, otherId] = [await newJob(userId), await newJob(userId)]
    for (const index of [2, 0, 1]) await library.add(addition(userId, jobId, index))
    const other = await library.add(addition(userId, otherId, 0))
    assert.deepEqual((await library.ofJobs([jobId])).map(({ index }) => index), [0, 1, 2]) // prettier-ignore
    assert.deepEqual(await library.ofJobs([otherId]), [other])
    assert.equal((await library.ofJobs([jobId, otherId])).length, 4)
    assert.deepEqual(await library.ofJobs([]), [])
    assert.deepEqual(await library.ofJobs([randomUUID()]), [])
  },

  async 'what is handed out is a copy'(harness) {
    const { library, newUser } = harness
    const [record] = await fill(harness, await newUser(), 1)
    const before = structuredClone(record!)
    tryToSpoil(() => (record!.saved = true))
    tryToSpoil(() => (record!.userId = 'mine'))
    assert.deepEqual(await library.find(before.id), before)
  },
}

const listChecks: Checks = {
  async "rows are listed newest first, and only the user's"(harness) {
    const { library, newUser, advance } = harness
    const userId = await newUser()
    const expected: string[] = []
    for (let count = 0; count < 3; count++) {
      const [record] = await fill(harness, userId, 1)
      await fill(harness, await newUser(), 1)
      expected.unshift(record!.id)
      await advance(1)
    }
    const { items, nextCursor } = await library.list({ userId, limit: 10 })
    assert.deepEqual(idsOf(items), expected)
    assert.equal(nextCursor, null)
  },

  async 'pages show every row once, also those of one instant'(harness) {
    const { library, newUser } = harness
    const userId = await newUser()
    const added = idsOf(await fill(harness, userId, 11)).toSorted()
    for (const limit of [1, 4, 10, 11, 12]) {
      const shown: string[] = []
      for (let cursor: string | undefined, pages = 0; pages < 20; pages++) {
        const page = await library.list({ userId, limit, ...(cursor === undefined ? {} : { cursor }) })
        assert(page.items.length <= limit)
        shown.push(...idsOf(page.items))
        if (page.nextCursor === null) break
        cursor = page.nextCursor
      }
      assert.deepEqual(shown.toSorted(), added, `limit ${limit}`)
    }
  },

  async 'a cursor that is none of its own is refused'(harness) {
    const userId = await harness.newUser()
    await fill(harness, userId, 1)
    await refusesCursors(cursor => harness.library.list({ userId, limit: 1, cursor }))
  },

  async 'a row that is deleted between two pages takes no other with it'(harness) {
    const { library, newUser } = harness
    const userId = await newUser()
    const added = await fill(harness, userId, 6)
    const first = await library.list({ userId, limit: 2 })
    const last = first.items.at(-1)!
    await library.change(last.id, userId, { deleted: true })
    const rest = await library.list({ userId, limit: 10, cursor: first.nextCursor! })
    assert.deepEqual(idsOf([...first.items, ...rest.items]).toSorted(), idsOf(added).toSorted())
  },

  async 'kind, saved and starred are filtered'(harness) {
    const { library, newUser } = harness
    const userId = await newUser()
    const [plain, saved, starred] = await fill(harness, userId, 3)
    const upload = await library.add(addition(userId, null, 0))
    await library.change(saved!.id, userId, { saved: true })
    await library.change(starred!.id, userId, { starred: true })
    const ids = async (query: object) => idsOf((await library.list({ userId, limit: 10, ...query })).items).toSorted()
    assert.deepEqual(await ids({ kind: 'upload' }), [upload.id])
    assert.deepEqual(await ids({ kind: 'video' }), [])
    assert.deepEqual(await ids({ saved: true }), [saved!.id])
    assert.deepEqual(await ids({ starred: true }), [starred!.id])
    assert.deepEqual(await ids({ kind: 'image', saved: false, starred: false }), [plain!.id])
  },
}

const changeChecks: Checks = {
  async 'saving takes the expiry away, and starring is a matter of its own'(harness) {
    const { library, newUser } = harness
    const userId = await newUser()
    const [record] = await fill(harness, userId, 1)
    assert.equal(record!.expiresAt, EXPIRES_AT)
    const starred = await library.change(record!.id, userId, { starred: true })
    assert.deepEqual(starred, { ...record, starred: true })
    const saved = await library.change(record!.id, userId, { saved: true })
    assert.deepEqual(saved, { ...record, starred: true, saved: true, expiresAt: null })
    assert.deepEqual(await library.change(record!.id, userId, { starred: false }), { ...saved, starred: false })
    assert.deepEqual(await library.find(record!.id), { ...saved, starred: false })
  },

  async "nobody changes somebody else's row, or one that is not there"(harness) {
    const { library, newUser } = harness
    const [userId, stranger] = [await newUser(), await newUser()]
    const [record] = await fill(harness, userId, 1)
    for (const change of [{ deleted: true }, { saved: true }, { starred: true }]) {
      assert.equal(await library.change(record!.id, stranger, change), null)
    }
    assert.deepEqual(await library.find(record!.id), record)
    assert.equal(await library.change(randomUUID(), userId, { saved: true }), null)
  },

  async 'what is deleted is in no list, and can be brought back'(harness) {
    const { library, newUser } = harness
    const userId = await newUser()
    const [gone, kept] = await fill(harness, userId, 2)
    const deleted = await library.change(gone!.id, userId, { deleted: true })
    assert(deleted && deleted.deletedAt !== null && deleted.deletedAt >= gone!.createdAt)
    assert.deepEqual((await library.find(gone!.id))?.deletedAt, deleted.deletedAt)
    assert.deepEqual(idsOf((await library.list({ userId, limit: 10 })).items), [kept!.id])
    assert.deepEqual(idsOf(await library.ofJobs([gone!.jobId!])), [kept!.id])
    assert.deepEqual(await library.change(gone!.id, userId, { deleted: false }), gone)
    assert.deepEqual(idsOf(await library.ofJobs([gone!.jobId!])).toSorted(), idsOf([gone!, kept!]).toSorted())
  },

  async 'an output that was deleted is not added again by whoever repeats'(harness) {
    const { library, newUser } = harness
    const userId = await newUser()
    const [record] = await fill(harness, userId, 1)
    await library.change(record!.id, userId, { deleted: true })
    const again = await library.add(addition(userId, record!.jobId, 0))
    assert.equal(again.id, record!.id)
    assert.notEqual(again.deletedAt, null)
  },
}
