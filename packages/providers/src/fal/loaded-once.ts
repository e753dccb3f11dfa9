/** Parts of the adapter that not every app needs. */

/** Loads a part with its first use. What could not be loaded is tried again with the next one. */
export function loadedOnce<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let loaded: Promise<Part> | null = null
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = null
      throw error
    })
    return loaded
  }
}
