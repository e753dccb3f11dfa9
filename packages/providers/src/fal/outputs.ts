/** The files in a model's result. */
import { at, listAt, textAt } from '@safelight/core/adapter'
import type { Output } from '@safelight/core'

/**
 * Asked for with every submit, so that it holds whatever the account's own setting is; fal's default is at least as long
 * (docs.fal.ai, media expiration).
 */
export const OUTPUT_LIFETIME_SECONDS = 604_800

/** Most models answer with `images` or one `video`; a few with `image` or `videos`. */
export function outputsIn(result: unknown, now: number): Output[] {
  const files = [...listAt(result, 'images'), ...listAt(result, 'videos'), at(result, 'image'), at(result, 'video')]
  const flags = at(result, 'has_nsfw_concepts')
  return files
    .filter(file => file !== undefined && file !== null)
    .map((file, index) => {
      const url = typeof file === 'string' && file !== '' ? file : textAt(file, 'url')
      const contentType = textAt(file, 'content_type')
      return {
        ...(url === undefined ? {} : { url }),
        ...(contentType === undefined ? {} : { contentType }),
        // The safety checker blackens the picture, and the answer is 200 all the same.
        ...(flags === true || (Array.isArray(flags) && flags[index] === true) ? { flagged: true } : {}),
        expiresAt: now + OUTPUT_LIFETIME_SECONDS * 1000,
      }
    })
}
