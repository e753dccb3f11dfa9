/**
 * What of a model's promise the providers at hand keep: a size or a length that no route makes is not offered, whoever else
 * may make it with another key.
 */
import type { Model, ModelInput, SizeId } from '@safelight/core'

type Offered = Pick<Model, 'sizes' | 'durations' | 'styles' | 'images' | 'maxCount'>
type Request = Omit<ModelInput, 'seed'>

const known = new WeakMap<Model, Offered>()

export function offeredOf(model: Model): Offered {
  const before = known.get(model)
  if (before) return before
  const offered = offer(model)
  known.set(model, offered)
  return offered
}

function offer({ routes, sizes, durations, styles, images, maxCount }: Model): Offered {
  const promised: Offered = { sizes, ...set({ durations, styles, images, maxCount }) }
  const made = requestsOf(promised).filter(request => routes.some(({ takes }) => takes?.(request) ?? true))
  // No route says anything that can be asked about in advance: then the promise is all there is to say.
  if (made.length === 0) return promised
  const has = (fits: (request: Request) => boolean) => made.some(fits)
  const imageCounts = made.map(request => request.images?.length ?? 0)
  const takesImages = images !== undefined && Math.max(...imageCounts) > 0
  return {
    sizes: Object.fromEntries(Object.entries(sizes).filter(([id]) => has(({ size }) => size === id))),
    ...set({
      durations: durations?.filter(each => has(({ duration }) => duration === each)),
      styles: styles?.filter(({ id }) => has(({ style }) => style === id)),
      images: takesImages ? { required: Math.min(...imageCounts) > 0, maxCount: Math.max(...imageCounts) } : undefined,
      maxCount: maxCount === undefined ? undefined : Math.max(...made.map(({ count }) => count)),
    }),
  }
}

/** Every combination; there are few of each, and of counts and pictures as many as may be asked for. */
function requestsOf({ sizes, durations, styles, images, maxCount = 1 }: Offered): Request[] {
  const requests: Request[] = []
  for (const size of Object.keys(sizes) as SizeId[])
    for (const duration of durations ?? [undefined])
      for (const style of styles?.map(({ id }) => id) ?? [undefined])
        for (const pictures of imageCountsOf(images))
          for (let count = 1; count <= maxCount; count++)
            requests.push({
              prompt: 'a',
              size,
              count,
              ...set({ duration, style, images: pictures > 0 ? Array<string>(pictures).fill('') : undefined }),
            })
  return requests
}

function imageCountsOf(images: Model['images']): number[] {
  if (!images) return [0]
  const counts = Array.from({ length: images.maxCount }, (_, index) => index + 1)
  return images.required ? counts : [0, ...counts]
}

/** Without what is undefined. */
function set<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> }
}
