import { Bookmark, Play } from 'lucide-react'
import { lazy, Suspense, useState, type CSSProperties } from 'react'
import { useJob, useMedia } from '../api/queries.ts'
import { hrefOf, usePlace } from '../browser/place.ts'
import { text } from '../messages.ts'
import type { MediaFilter } from '../api/endpoints.ts'
import type { Media } from '../api/types.ts'
import { Button, ButtonLink } from '../parts/button.tsx'
import { Segments } from '../parts/choice.tsx'
import { shapeOfMedia } from '../parts/frame.tsx'
import { isVideo } from '../parts/media-view.tsx'
import { LoadFailure } from '../parts/notice.tsx'

const Viewer = lazy(() => import('../parts/viewer.tsx').then(module => ({ default: module.Viewer })))

const filters = {
  all: {},
  image: { kind: 'image' },
  edit: { kind: 'edit' },
  video: { kind: 'video' },
  saved: { saved: true },
} as const satisfies Record<string, MediaFilter>
type FilterName = keyof typeof filters
const filterNames = Object.keys(filters) as FilterName[]

export function GalleryView() {
  const [filter, setFilter] = useState<FilterName>('all')
  const { mediaId } = usePlace()
  const gallery = useMedia(filters[filter])
  const media = gallery.data?.pages.flatMap(page => page.items) ?? []
  return (
    <>
      <header className="flex flex-wrap items-end justify-between gap-x-8 gap-y-4 pt-8 pb-8">
        <h1 className="text-heading tracking-[-0.02em]">{text.gallery.heading}</h1>
        <Segments<FilterName>
          label={text.gallery.filter}
          isLabelHidden
          options={filterNames.map(name => ({ value: name, name: text.gallery.filters[name] }))}
          value={filter}
          onChange={setFilter}
        />
      </header>
      {gallery.isError && media.length === 0 ? (
        <LoadFailure what={text.gallery.failedToLoad} error={gallery.error} onRetry={() => void gallery.refetch()} />
      ) : gallery.isPending ? (
        <div className="h-72 animate-lamp rounded-card bg-surface" aria-busy="true" />
      ) : media.length === 0 ? (
        <EmptyGallery isFiltered={filter !== 'all'} />
      ) : (
        <Sheets media={media} />
      )}
      {gallery.hasNextPage && (
        <div className="mt-10 flex justify-center">
          <Button size="medium" disabled={gallery.isFetchingNextPage} onClick={() => void gallery.fetchNextPage()}>
            {text.gallery.more}
          </Button>
        </div>
      )}
      {mediaId && (
        <Suspense>
          <Viewer view="gallery" mediaId={mediaId} among={media} />
        </Suspense>
      )}
    </>
  )
}

/** Rows of about one height: each picture grows by its own shape, so nothing is cut and nothing moves while loading. */
function Sheets({ media }: { media: Media[] }) {
  return (
    <ul className="flex flex-wrap gap-2 sm:gap-3">
      {media.map(item => (
        <Tile key={item.id} media={item} />
      ))}
      <li className="h-0 grow-[999] basis-0" aria-hidden="true" />
    </ul>
  )
}

function Tile({ media }: { media: Media }) {
  const { data: job } = useJob(media.jobId)
  const name = job?.input.prompt ?? text.gallery.unnamed(media.kind)
  const { width, height } = shapeOfMedia(media)
  const shape = { '--ratio': width / height } as CSSProperties
  return (
    <li
      style={shape}
      className="group relative aspect-(--ratio) max-h-96 min-w-0 grow-[calc(var(--ratio)*10)] basis-[calc(var(--ratio)*8.5rem)] overflow-hidden rounded-print bg-mat sm:basis-[calc(var(--ratio)*15rem)]"
    >
      <a href={hrefOf('gallery', media.id)} className="absolute inset-0 outline-offset-[-4px]" title={name}>
        <TilePicture media={media} name={name} />
      </a>
      {media.saved && (
        <span className="pointer-events-none absolute top-2 right-2 rounded-full bg-ground/80 p-1.5 text-amber">
          <Bookmark className="size-3.5 fill-current" aria-label={text.gallery.saved} role="img" />
        </span>
      )}
    </li>
  )
}

function TilePicture({ media, name }: { media: Media; name: string }) {
  const look = 'size-full object-cover transition-transform duration-500 ease-out group-hover:scale-[1.025]'
  const size = shapeOfMedia(media)
  if (!isVideo(media))
    return <img src={media.url} alt={name} {...size} loading="lazy" decoding="async" className={look} />
  return (
    <>
      <video src={media.url} aria-label={name} {...size} muted playsInline preload="metadata" className={look} />
      <span className="pointer-events-none absolute bottom-2 left-2 flex items-center gap-1.5 rounded-full bg-ground/80 px-2.5 py-1 text-fine">
        <Play className="size-3 fill-current" aria-hidden="true" />
        {media.durationSeconds !== null && text.create.seconds(Math.round(media.durationSeconds))}
      </span>
    </>
  )
}

function EmptyGallery({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <p className="py-16 text-center text-muted">{text.gallery.emptyFilter}</p>
  return (
    <div className="rounded-card border border-dashed border-line px-6 py-20 text-center">
      <p className="text-title font-semibold">{text.gallery.empty}</p>
      <p className="mx-auto mt-2 mb-7 max-w-sm text-pretty text-muted">{text.gallery.emptyNote}</p>
      <ButtonLink href={hrefOf('create')} look="primary" size="medium">
        {text.gallery.toCreate}
      </ButtonLink>
    </div>
  )
}
