/** What a user can pick: a model is data, plus one pure mapping for each route. */
import type { Json, Kind, Lane, ModelInput, Size, SizeId } from './contracts.ts'

/** One way to make a model: a provider, its endpoint, and a pure mapping from our input to that endpoint's body. */
export interface Route {
  readonly provider: string
  readonly endpoint: string
  /** `size` is in pixels, as the model promises it. */
  readonly body: (input: ModelInput, size: Size) => Json
  /** Whether it makes exactly this; everything the model takes where absent. */
  readonly takes?: (input: Omit<ModelInput, 'seed'>) => boolean
}

export interface Lifecycle {
  status: 'live' | 'deprecated' | 'disabled'
  shutdownAt?: string
  replacement?: string
}

export interface ModelSpec<
  Id extends string = string,
  Sizes extends Partial<Record<SizeId, Size>> = Partial<Record<SizeId, Size>>,
  Duration extends number = number,
  Style extends string = string,
> {
  readonly id: Id
  readonly name: string
  readonly kind: Kind
  readonly description: string
  /** Every output has exactly these pixels. */
  readonly sizes: Sizes
  /** Seconds; the first that a provider at hand makes is the default. */
  readonly durations?: readonly Duration[]
  /** The default as with `durations`. */
  readonly styles?: readonly { id: Style; name: string }[]
  /** Input images, where the model takes any. */
  readonly images?: { required: boolean; maxCount: number }
  readonly takesNegativePrompt?: boolean
  /** Outputs in one job at most; 1 where absent. */
  readonly maxCount?: number
  /** Credits for one output; where absent, the price of its kind. */
  readonly price?: number | ((input: Pick<ModelInput, 'size' | 'duration'>) => number)
  /** How long the provider may take, from acceptance. */
  readonly timeoutSeconds: number
  /** How long a job may wait for a token; 600 where absent. */
  readonly queueSeconds?: number
  readonly lifecycle?: Lifecycle
  /** In the order they are tried. */
  readonly routes: readonly Route[]
}

// The widest model: every spec above is assignable to it.
export type Model = ModelSpec

/** What a caller writes for a model: only the fields that this model has. */
export type InputOf<M> =
  M extends ModelSpec<string, infer Sizes, infer Duration, infer Style>
    ? {
        prompt: string
        size?: keyof Sizes & SizeId
        /** A whole number, or its decimal digits where it passes 2^53. */
        seed?: number | string
        count?: number
      } & (M extends { durations: readonly unknown[] } ? { duration?: Duration } : unknown) &
        (M extends { styles: readonly unknown[] } ? { style?: Style } : unknown) &
        (M extends { takesNegativePrompt: true } ? { negativePrompt?: string } : unknown) &
        (M extends { images: { required: true } }
          ? { images: readonly string[] }
          : M extends { images: { required: boolean } }
            ? { images?: readonly string[] }
            : unknown)
    : never

/** Declares a model; the types of its input follow from what is written here. */
export function defineModel<const Spec extends ModelSpec>(spec: Spec): Spec {
  return spec
}

/** What a model promises, without the routes that keep it: written once, for several providers to offer. */
export type ModelPromise = Omit<ModelSpec, 'routes'>

/** Declares what a model promises; `offer` adds the routes. */
export function promise<const Promised extends ModelPromise>(promised: Promised): Promised {
  return promised
}

/** A promised model with the routes that keep it, in the order they are tried. */
export function offer<const Promised extends ModelPromise, const Routes extends readonly [Route, ...Route[]]>(
  promised: Promised,
  ...routes: Routes
): Promised & { readonly routes: Routes } {
  return { ...promised, routes }
}

export function laneOf(kind: Kind): Lane {
  return kind === 'video' ? 'video' : 'image'
}

/** Every request that a model takes, its prompt apart: each combination of what its caller may choose. There are few of each. */
export function everyRequest(
  model: Pick<Model, 'sizes' | 'durations' | 'styles' | 'images' | 'maxCount' | 'takesNegativePrompt'>,
) {
  const { sizes, durations = [undefined], styles, images, maxCount = 1, takesNegativePrompt } = model
  const least = images?.required ? 1 : 0
  const pictures = Array.from({ length: (images?.maxCount ?? 0) - least + 1 }, (_, index) => index + least)
  const requests: Omit<ModelInput, 'seed'>[] = []
  for (const size of Object.keys(sizes) as SizeId[])
    for (const duration of durations)
      for (const style of styles?.map(({ id }) => id) ?? [undefined])
        for (const count of Array.from({ length: maxCount }, (_, index) => index + 1))
          for (const negativePrompt of takesNegativePrompt ? [undefined, 'rain'] : [undefined])
            for (const each of pictures)
              requests.push({
                prompt: 'a fox in snow',
                size,
                count,
                ...(duration === undefined ? {} : { duration }),
                ...(style === undefined ? {} : { style }),
                ...(negativePrompt === undefined ? {} : { negativePrompt }),
                ...(each === 0 ? {} : { images: Array.from({ length: each }, (_, index) => `picture-${index}`) }),
              })
  return requests
}

/** Credits for one output where a model names no price: image 500, edit 1000, video by its started seconds. */
export function defaultPrice(kind: Kind, durationSeconds = 3): number {
  if (kind === 'image') return 500
  if (kind === 'edit') return 1000
  if (durationSeconds <= 3) return 2000
  return 3000 + 600 * Math.max(0, Math.ceil(durationSeconds - 5))
}

/** Credits for one output of this model. */
export function priceOf(model: Model, input: Pick<ModelInput, 'size' | 'duration'>): number {
  if (typeof model.price === 'number') return model.price
  return model.price?.(input) ?? defaultPrice(model.kind, input.duration)
}

/** Pixels of a size that the model has. */
export function sizeOf(model: Model, id: SizeId): Size {
  const size = model.sizes[id]
  if (!size) throw new Error(`${model.id} has no size ${id}`)
  return size
}
