import type { MediaLibrary } from '../../../contracts.ts'
import type { MediaLibraryHarness } from '../media-library.ts'
import type { Broken } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: MediaLibrary) => Partial<MediaLibrary>,
): Broken<MediaLibraryHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => ({ ...harness, library: { ...harness.library, ...mistake(harness.library) } }),
  }
}

export const brokenLibraries: readonly Broken<MediaLibraryHarness>[] = [
  broken('answers what it was handed', 'the same id again is the first row', good => ({
    async add(record) {
      const added = await good.add(record)
      return { ...added, ...record.file, id: record.id }
    },
  })),

  broken('makes a row of every repetition', 'of 20 who add one output at once all get the same row', good => {
    const copies = new Map<string, string[]>()
    return {
      async add(record) {
        const added = await good.add(record)
        if (added.id === record.id || record.jobId === null) return added
        copies.set(record.jobId, [...(copies.get(record.jobId) ?? []), record.id])
        return { ...added, id: record.id }
      },
    }
  }),

  broken('lets anybody change a row', "nobody changes somebody else's row, or one that is not there", good => ({
    async change(id, _userId, change) {
      const record = await good.find(id)
      return record && good.change(id, record.userId, change)
    },
  })),

  broken('lets what is saved expire', 'saving takes the expiry away, and starring is a matter of its own', good => {
    const expiries = new Map<string, number | null>()
    return {
      async add(record) {
        expiries.set(record.id, record.expiresAt)
        return good.add(record)
      },
      async change(id, userId, change) {
        const changed = await good.change(id, userId, change)
        return changed && { ...changed, expiresAt: expiries.get(id) ?? null }
      },
    }
  }),

  broken('shows the deleted files of a job', 'what is deleted is in no list, and can be brought back', good => {
    const ids = new Map<string, string[]>()
    return {
      async add(record) {
        const added = await good.add(record)
        if (added.jobId !== null) ids.set(added.jobId, [...new Set([...(ids.get(added.jobId) ?? []), added.id])])
        return added
      },
      async ofJobs(jobIds) {
        const records = await Promise.all(jobIds.flatMap(jobId => ids.get(jobId) ?? []).map(id => good.find(id)))
        return records.filter(record => record !== null).toSorted((a, b) => a.index - b.index)
      },
    }
  }),

  broken('brings back what was deleted', 'an output that was deleted is not added again by whoever repeats', good => ({
    async add(record) {
      const added = await good.add(record)
      return added.deletedAt === null
        ? added
        : ((await good.change(added.id, added.userId, { deleted: false })) ?? added)
    },
  })),

  broken('pages by counting', 'a row that is deleted between two pages takes no other with it', good => ({
    async list({ cursor, ...query }) {
      const start = Number(cursor ?? 0)
      const { items } = await good.list({ ...query, limit: 1000 })
      const end = start + query.limit
      return { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : null }
    },
  })),

  broken('filters after it has counted', 'kind, saved and starred are filtered', good => ({
    list: ({ saved: _saved, ...query }) => good.list(query),
  })),
]
