/** A mat with sheets of paper on it: every sheet has its final shape from the start, so that nothing moves later. */
import type { CSSProperties, ReactNode } from 'react'
import type { Media } from '../api/types.ts'

interface FrameProps {
  children: ReactNode
  /** How many sheets lie side by side. */
  count: number
}

export function Frame({ children, count }: FrameProps) {
  return <div className={`grid size-full gap-3 bg-mat p-3 sm:p-5 ${count > 1 ? 'grid-cols-2' : ''}`}>{children}</div>
}

interface SheetProps {
  width: number
  height: number
  children: ReactNode
  className?: string
}

export function Sheet({ width, height, children, className = '' }: SheetProps) {
  const shape = { '--ratio': width / height } as CSSProperties
  return (
    <div className="@container-size flex size-full min-h-0 items-center justify-center">
      <div className={`sheet relative overflow-hidden rounded-print ${className}`} style={shape}>
        {children}
      </div>
    </div>
  )
}

/** Paper in the bath, before there is a picture on it. */
export function DevelopingSheet({ size, preview, label }: { size: Shape; preview: string | undefined; label: string }) {
  return (
    <Sheet {...size} className="bg-accent-soft">
      <div className="absolute -inset-1/3 animate-bath bg-[radial-gradient(closest-side,var(--accent),transparent)] opacity-25" />
      {preview && <img src={preview} alt={label} className="absolute inset-0 size-full object-cover blur-[2px]" />}
    </Sheet>
  )
}

export interface Shape {
  width: number
  height: number
}

export const SQUARE: Shape = { width: 1, height: 1 }

/** A file's own pixels; `otherwise` where nobody could tell them. */
export function shapeOfMedia(media: Media | undefined, otherwise: Shape = SQUARE): Shape {
  return media?.width && media.height ? { width: media.width, height: media.height } : otherwise
}
