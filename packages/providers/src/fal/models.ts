/** Everything that fal makes here. */
import { editModels, imageModels } from './images.ts'
import { ownModels } from './own-models.ts'
import { videoModels } from './videos.ts'

export const falModels = [...imageModels, ...editModels, ...videoModels, ...ownModels] as const
