/** Everything WaveSpeed makes for us: shared models by its routes, and models that only it carries. */
import { flux2KleinEdit, fluxKontextPro, gptImage2Edit, nanoBanana2Edit, seedream4Edit } from './edits.ts'
import {
  flux2Klein,
  flux2Pro,
  fluxDev,
  fluxSchnell,
  gptImage2,
  nanoBanana2,
  qwenImage,
  qwenImage2,
  seedream4,
  zImageTurbo,
} from './images.ts'
import { elite, express, kling3Standard, lovely, wan21UltraFast, wan22Small, wanAi } from './videos.ts'

export const wavespeedModels = [
  fluxSchnell,
  fluxDev,
  flux2Pro,
  flux2Klein,
  zImageTurbo,
  qwenImage,
  nanoBanana2,
  gptImage2,
  seedream4,
  qwenImage2,
  fluxKontextPro,
  flux2KleinEdit,
  nanoBanana2Edit,
  gptImage2Edit,
  seedream4Edit,
  lovely,
  express,
  elite,
  wanAi,
  kling3Standard,
  wan22Small,
  wan21UltraFast,
] as const
