import { useMutation } from '@tanstack/react-query'
import { ImagePlus, X } from 'lucide-react'
import { useEffect, useId, useState } from 'react'
import { uploadImage } from '../api/endpoints.ts'
import { sentenceFor } from '../api/trouble.ts'
import { draftStore } from '../draft.ts'
import { text } from '../messages.ts'
import type { Media } from '../api/types.ts'
import { Button } from './button.tsx'
import { shapeOfMedia } from './frame.tsx'

const ACCEPTED = 'image/png,image/jpeg,image/webp,image/avif'

interface ImageInputProps {
  value: Media | null
  isRequired: boolean
  onBusy(isBusy: boolean): void
}

/** Takes a picture by choice, drop or paste, and brings it to the server at once. */
export function ImageInput({ value, isRequired, onBusy }: ImageInputProps) {
  const id = useId()
  const upload = useMutation({
    mutationFn: (file: File) => uploadImage(file),
    onSuccess: ({ media }) => draftStore.set(now => ({ ...now, image: media })),
  })
  const take = upload.mutate
  useEffect(() => onBusy(upload.isPending), [onBusy, upload.isPending])
  usePastedImage(take)
  return (
    <div>
      <label htmlFor={id} className="mb-2 block caption">
        {text.create.image}
      </label>
      <Drop id={id} isBusy={upload.isPending} isRequired={isRequired} value={value} onFile={take} />
      {upload.isError && (
        <p role="alert" className="mt-2 text-fine text-accent">
          {sentenceFor(upload.error)}
        </p>
      )}
    </div>
  )
}

interface DropProps {
  id: string
  isBusy: boolean
  isRequired: boolean
  value: Media | null
  onFile(file: File): void
}

// A file input takes drops by itself; lying over the whole area it is the drop target too.
function Drop({ id, isBusy, isRequired, value, onFile }: DropProps) {
  const [isOver, setIsOver] = useState(false)
  return (
    <div
      onDragEnter={() => setIsOver(true)}
      onDragLeave={() => setIsOver(false)}
      onDrop={() => setIsOver(false)}
      className={`relative flex min-h-24 items-center gap-4 overflow-hidden rounded-control border border-dashed p-3 transition-colors has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent ${isOver ? 'border-accent bg-accent-soft' : 'border-edge bg-raised hover:border-accent'}`}
    >
      <input
        id={id}
        type="file"
        accept={ACCEPTED}
        className="cover"
        aria-describedby={`${id}-hint`}
        onChange={event => {
          const file = event.target.files?.[0]
          // Emptied, so that the same file can be chosen again after it was removed.
          event.target.value = ''
          if (file) onFile(file)
        }}
      />
      {value && !isBusy ? <Chosen id={id} media={value} /> : <Hint id={id} isBusy={isBusy} isRequired={isRequired} />}
    </div>
  )
}

function Hint({ id, isBusy, isRequired }: { id: string; isBusy: boolean; isRequired: boolean }) {
  const hint = isRequired ? text.create.imageHint : text.create.imageOptional
  return (
    <>
      <span className="flex size-16 shrink-0 items-center justify-center rounded-print bg-mat text-muted">
        <ImagePlus className={`size-6 ${isBusy ? 'animate-lamp' : ''}`} aria-hidden="true" />
      </span>
      <span id={`${id}-hint`} className="text-fine text-muted">
        <span className="block text-ink">{isBusy ? text.create.imageBusy : hint}</span>
        {text.create.imageKinds}
      </span>
    </>
  )
}

function Chosen({ id, media }: { id: string; media: Media }) {
  return (
    <>
      <img
        src={media.url}
        {...shapeOfMedia(media)}
        alt={text.create.imageAlt}
        className="h-18 w-auto max-w-36 rounded-print object-cover shadow-print"
      />
      <span id={`${id}-hint`} className="figures flex-1 text-fine text-muted">
        {text.create.imageSize(media)}
      </span>
      <Button
        look="bare"
        size="icon"
        className="relative"
        aria-label={text.create.removeImage}
        onClick={() => draftStore.set(now => ({ ...now, image: null }))}
      >
        <X className="size-4" aria-hidden="true" />
      </Button>
    </>
  )
}

function usePastedImage(take: (file: File) => void): void {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const file = [...(event.clipboardData?.files ?? [])].find(candidate => candidate.type.startsWith('image/'))
      if (!file) return
      event.preventDefault()
      take(file)
    }
    document.addEventListener('paste', onPaste)
    return () => document.removeEventListener('paste', onPaste)
  }, [take])
}
