import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mediaStoreCases } from '@safelight/core/testing'
import type { MediaStoreHarness } from '@safelight/core/testing'
import { describe, test } from 'vitest'
import { files } from './files.ts'

async function make(): Promise<MediaStoreHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'safelight-files-'))
  return {
    media: files(directory),
    // nothing here depends on the hour
    advance: async () => undefined,
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

describe('a store of files keeps every promise of a media store', () => {
  for (const { name, run } of mediaStoreCases(make)) test(name, run)
})
