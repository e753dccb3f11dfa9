import { useState } from 'react'
import { text } from '../messages.ts'
import type { Media } from '../api/types.ts'
import type { Shape } from './frame.tsx'

interface MediaViewProps {
  media: Media
  shape: Shape
  /** What it shows: the prompt. */
  name: string
  /** Comes up slowly, as in the bath; for what has just been made. */
  isFresh?: boolean
  className?: string
}

export function isVideo(media: Media): boolean {
  return media.contentType.startsWith('video/')
}

/** The picture or clip itself, filling a box of its own shape. */
export function MediaView({
  media,
  shape,
  name,
  isFresh = false,
  className = 'absolute inset-0 size-full object-cover',
}: MediaViewProps) {
  const [isGone, setIsGone] = useState(false)
  if (isGone) {
    return (
      <p className="absolute inset-0 flex items-center justify-center bg-surface p-4 text-center text-fine text-muted">
        {text.jobs.archived}
      </p>
    )
  }
  const look = `${className} ${isFresh ? 'animate-develop' : ''}`
  if (isVideo(media)) {
    return (
      <video
        src={media.url}
        aria-label={name}
        controls
        loop
        playsInline
        preload="metadata"
        {...shape}
        onError={() => setIsGone(true)}
        className={look}
      />
    )
  }
  return (
    <img
      src={media.url}
      alt={name}
      {...shape}
      loading={isFresh ? 'eager' : 'lazy'}
      decoding="async"
      onError={() => setIsGone(true)}
      className={look}
    />
  )
}
