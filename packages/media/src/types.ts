/** The only kinds of file this library keeps and serves. */
export type MediaType =
  | 'image/png'
  | 'image/jpeg'
  | 'image/webp'
  | 'image/avif'
  | 'image/gif'
  | 'video/mp4'
  | 'video/webm'

/** What a look at the headers of a file tells. Sizes are as shown on a screen: a rotation noted in the file is applied. */
export interface MediaInfo {
  contentType: MediaType
  width: number
  height: number
  /** Null for still pictures, and for a video that does not say. */
  durationSeconds: number | null
}

/** What a parser finds; the type is known before it starts. */
export type Found = Omit<MediaInfo, 'contentType'>
