import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Bookmark, Download, Trash2 } from 'lucide-react'
import { deleteMedia, downloadUrl, restoreMedia, saveMedia } from '../api/endpoints.ts'
import { keys, receiveMedia, useJob, useModels } from '../api/queries.ts'
import { sentenceFor } from '../api/trouble.ts'
import { day, fileSize, longTime } from '../format.ts'
import { text } from '../messages.ts'
import type { Job, Media } from '../api/types.ts'
import { Button, ButtonLink } from './button.tsx'
import { notify } from './toasts.tsx'

/** What a picture is, and what can be done with it. */
export function ViewerPanel({ media, onDeleted }: { media: Media; onDeleted(): void }) {
  const { data: job } = useJob(media.jobId)
  return (
    <aside className="flex shrink-0 flex-col gap-6 border-line bg-surface p-5 pb-8 sm:p-8 lg:w-96 lg:overflow-y-auto lg:border-l lg:pt-16">
      <h2 dir="auto" className="text-lead font-medium break-words whitespace-pre-wrap">
        {job?.input.prompt ?? text.gallery.unnamed(media.kind)}
      </h2>
      <Facts media={media} job={job} />
      <Actions media={media} onDeleted={onDeleted} />
    </aside>
  )
}

function Facts({ media, job }: { media: Media; job: Job | undefined }) {
  const models = useModels().data
  const { facts } = text.viewer
  const rows: [string, string | undefined][] = [
    [facts.size, media.width && media.height ? text.create.pixels(media.width, media.height) : undefined],
    [facts.length, media.durationSeconds === null ? undefined : text.create.seconds(Math.round(media.durationSeconds))],
    [facts.file, `${media.contentType.split('/')[1]?.toUpperCase()} · ${fileSize(media.bytes)}`],
    [facts.model, job && (models?.find(model => model.id === job.model)?.name ?? job.model)],
    [facts.seed, job?.input.seed === undefined ? undefined : String(job.input.seed)],
    [facts.made, longTime(media.createdAt)],
    [facts.kept, keptFor(media)],
  ]
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 text-fine">
      {rows
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="text-right break-words tabular-nums">{value}</dd>
          </div>
        ))}
    </dl>
  )
}

function keptFor(media: Media): string | undefined {
  if (media.saved) return text.viewer.forGood
  return media.expiresAt === null ? undefined : text.viewer.until(day(media.expiresAt))
}

function Actions({ media, onDeleted }: { media: Media; onDeleted(): void }) {
  return (
    <div className="grid grid-cols-2 gap-2">
      <ButtonLink look="primary" size="medium" href={downloadUrl(media)} download className="col-span-2">
        <Download className="size-4" aria-hidden="true" />
        {text.viewer.download}
      </ButtonLink>
      <SaveButton media={media} />
      <DeleteButton media={media} onDeleted={onDeleted} />
    </div>
  )
}

function SaveButton({ media }: { media: Media }) {
  const client = useQueryClient()
  const save = useMutation({
    mutationFn: () => saveMedia(media.id),
    onSuccess: answer => {
      receiveMedia(client, media.id, answer.media)
      notify(text.viewer.savedNote)
    },
    onError: error => notify(sentenceFor(error)),
  })
  return (
    <Button size="medium" disabled={media.saved || save.isPending} onClick={() => save.mutate()}>
      <Bookmark className={`size-4 ${media.saved ? 'fill-current' : ''}`} aria-hidden="true" />
      {media.saved ? text.viewer.saved : text.viewer.save}
    </Button>
  )
}

function DeleteButton({ media, onDeleted }: { media: Media; onDeleted(): void }) {
  const client = useQueryClient()
  const refresh = () => Promise.all([keys.media, keys.jobs].map(queryKey => client.invalidateQueries({ queryKey })))
  const restore = async () => {
    try {
      await restoreMedia(media.id)
      await refresh()
    } catch (error) {
      notify(sentenceFor(error))
    }
  }
  const remove = useMutation({
    mutationFn: () => deleteMedia(media.id),
    onSuccess: () => {
      onDeleted()
      receiveMedia(client, media.id, null)
      notify(text.viewer.deleted, { name: text.viewer.undo, run: () => void restore() })
    },
    onError: error => notify(sentenceFor(error)),
  })
  return (
    <Button size="medium" disabled={remove.isPending} onClick={() => remove.mutate()}>
      <Trash2 className="size-4" aria-hidden="true" />
      {text.viewer.remove}
    </Button>
  )
}
