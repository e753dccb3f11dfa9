/**
 * Models that the router makes. What party serves which model, and under which name: huggingface.co/docs/inference-providers
 * (tasks and providers pages, 2026-08); the hub's mapping is asked before every hand-over. The parties' own fields: fal.ai,
 * wavespeed.ai/docs, replicate.com, docs.together.ai.
 */
import { flux2DevEdit, huggingfaceFlux2KleinEdit, qwenImageEdit } from './models/edits.ts'
import {
  huggingfaceFluxDev,
  huggingfaceFluxSchnell,
  huggingfaceQwenImage,
  huggingfaceZImageTurbo,
  stableDiffusion3,
} from './models/images.ts'
import { huggingfaceWan22Small, huggingfaceWanAi, wan21Tiny } from './models/videos.ts'

/** Everything this provider makes. */
export const huggingfaceModels = [
  huggingfaceFluxSchnell,
  huggingfaceFluxDev,
  huggingfaceZImageTurbo,
  huggingfaceQwenImage,
  stableDiffusion3,
  huggingfaceFlux2KleinEdit,
  flux2DevEdit,
  qwenImageEdit,
  huggingfaceWan22Small,
  huggingfaceWanAi,
  wan21Tiny,
] as const
