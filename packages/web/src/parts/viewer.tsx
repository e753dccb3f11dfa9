import { ChevronLeft, ChevronRight, X } from 'lucide-react'
import { useEffect, useRef, type ReactNode } from 'react'
import { useJob, useMediaItem } from '../api/queries.ts'
import { hrefOf, replacePlace, type View } from '../browser/place.ts'
import { text } from '../messages.ts'
import type { Media } from '../api/types.ts'
import { Button } from './button.tsx'
import { Sheet, shapeOfMedia } from './frame.tsx'
import { MediaView } from './media-view.tsx'
import { Toasts } from './toasts.tsx'
import { ViewerPanel } from './viewer-panel.tsx'

interface ViewerProps {
  view: View
  mediaId: string
  /** What ← and → go through. */
  among: readonly Media[]
}

/** One picture, as large as the window allows. */
export function Viewer({ view, mediaId, among }: ViewerProps) {
  const place = among.findIndex(media => media.id === mediaId)
  const known = among[place]
  const found = useMediaItem(mediaId, known)
  const media = known ?? found.data
  const previous = among[place - 1]
  const next = place < 0 ? undefined : among[place + 1]
  const close = () => replacePlace(hrefOf(view))
  const go = (to: Media | undefined) => to && replacePlace(hrefOf(view, to.id))

  useKeys(key => {
    if (key === 'ArrowLeft') go(previous)
    if (key === 'ArrowRight') go(next)
  })
  return (
    <Modal label={text.viewer.label} onClose={close}>
      <div className="relative flex min-h-0 flex-1 p-4 pt-16 sm:p-10 lg:p-14">
        {media && <Picture key={media.id} media={media} />}
        {!media && found.isError && <p className="m-auto text-muted">{text.viewer.gone}</p>}
        <Turn side="left" label={text.viewer.previous} to={previous} onTurn={go} icon={ChevronLeft} />
        <Turn side="right" label={text.viewer.next} to={next} onTurn={go} icon={ChevronRight} />
      </div>
      {media && (
        <ViewerPanel
          key={media.id}
          media={media}
          onDeleted={() => ((next ?? previous) ? go(next ?? previous) : close())}
        />
      )}
      <Button
        look="quiet"
        size="icon"
        className="absolute top-3 right-3"
        aria-label={text.viewer.close}
        onClick={close}
      >
        <X className="size-5" aria-hidden="true" />
      </Button>
    </Modal>
  )
}

function Picture({ media }: { media: Media }) {
  const { data: job } = useJob(media.jobId)
  const shape = shapeOfMedia(media)
  return (
    <Sheet {...shape} className="bg-surface shadow-print">
      <MediaView media={media} shape={shape} name={job?.input.prompt ?? text.gallery.unnamed(media.kind)} />
    </Sheet>
  )
}

interface TurnProps {
  side: 'left' | 'right'
  label: string
  to: Media | undefined
  onTurn(to: Media | undefined): void
  icon: typeof ChevronLeft
}

function Turn({ side, label, to, onTurn, icon: Icon }: TurnProps) {
  return (
    <Button
      look="bare"
      size="icon"
      aria-label={label}
      disabled={!to}
      onClick={() => onTurn(to)}
      className={`absolute top-1/2 -translate-y-1/2 bg-ground/60 disabled:hidden ${side === 'left' ? 'left-2' : 'right-2'}`}
    >
      <Icon className="size-6" aria-hidden="true" />
    </Button>
  )
}

/** Keys anywhere in the page, wherever the focus went; in a clip the arrows wind, so it keeps its own. */
function useKeys(onKey: (key: string) => void): void {
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (!(event.target instanceof HTMLVideoElement)) onKey(event.key)
    }
    window.addEventListener('keydown', listener)
    return () => window.removeEventListener('keydown', listener)
  })
}

interface ModalProps {
  label: string
  onClose(): void
  children: ReactNode
}

/** The browser's own dialog: it keeps the focus inside, closes on Esc, and gives the focus back. */
function Modal({ label, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const element = dialog.current
    element?.showModal()
    // Not a button inside it: what is read out first is what it is.
    element?.focus()
    return () => element?.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      aria-label={label}
      onCancel={event => {
        event.preventDefault()
        onClose()
      }}
      className="fixed inset-0 m-0 flex size-full max-h-none max-w-none animate-rise flex-col outline-none overflow-y-auto bg-ground text-ink lg:flex-row lg:overflow-hidden"
    >
      {children}
      <Toasts />
    </dialog>
  )
}
