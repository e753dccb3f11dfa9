/**
 * What of a model's promise the providers at hand keep: a size or a length that no route makes is not offered, whoever else
 * may make it with another key.
 */
import { everyRequest, type Model } from '@safelight/core'

type Offered = Pick<Model, 'sizes' | 'durations' | 'styles' | 'images' | 'maxCount'>
type Request = ReturnType<typeof everyRequest>[number]

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
  const made = everyRequest(promised).filter(request => routes.some(({ takes }) => takes?.(request) ?? true))
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

/** Without what is undefined. */
function set<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> }
}
