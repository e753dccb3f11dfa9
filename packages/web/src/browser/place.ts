/** Which view is open, and what is open in it: kept in the address behind `#`, so that the server needs to know nothing. */
import { useSyncExternalStore } from 'react'

export const views = ['create', 'gallery', 'account'] as const
export type View = (typeof views)[number]

export interface Place {
  view: View
  /** The media that the viewer shows. */
  mediaId: string | null
}

export function placeOf(hash: string): Place {
  const [path = '', mediaId] = hash.replace(/^#\/?/, '').split('/')
  return { view: views.find(view => view === path) ?? 'create', mediaId: mediaId || null }
}

export function hrefOf(view: View, mediaId?: string): string {
  return mediaId ? `#/${view}/${mediaId}` : `#/${view}`
}

/** Opens without a new entry in the history: for steps inside the viewer. */
export function replacePlace(href: string): void {
  history.replaceState(null, '', href)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}

export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  return placeOf(hash)
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}
