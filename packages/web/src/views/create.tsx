import { lazy, Suspense } from 'react'
import { useJobs } from '../api/queries.ts'
import { usePlace } from '../browser/place.ts'
import { text } from '../messages.ts'
import { Composer } from '../parts/composer.tsx'
import { Tray } from '../parts/tray.tsx'

const Viewer = lazy(() => import('../parts/viewer.tsx').then(module => ({ default: module.Viewer })))

export function CreateView() {
  const { mediaId } = usePlace()
  return (
    <div className="grid gap-x-10 gap-y-6 pt-6 lg:pt-0 lg:grid-cols-[24rem_minmax(0,1fr)] xl:grid-cols-[26rem_minmax(0,1fr)] xl:gap-x-14">
      <h1 className="sr-only">{text.views.create}</h1>
      <section
        aria-label={text.create.order}
        className="lg:sticky lg:top-16 lg:-mx-4 lg:max-h-[calc(100dvh-4rem)] lg:self-start lg:overflow-y-auto lg:px-4 lg:pt-8"
      >
        <Composer />
      </section>
      <section aria-labelledby="tray" className="min-w-0 lg:pt-8">
        <h2 id="tray" className="mb-4 flex h-11 items-center text-title lg:mb-6">
          {text.jobs.heading}
        </h2>
        <Tray />
      </section>
      {mediaId && (
        <Suspense>
          <JobsViewer mediaId={mediaId} />
        </Suspense>
      )}
    </div>
  )
}

function JobsViewer({ mediaId }: { mediaId: string }) {
  const media = useJobs().data?.items.flatMap(job => job.media) ?? []
  return <Viewer view="create" mediaId={mediaId} among={media} />
}
