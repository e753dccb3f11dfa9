/** What several vendors make alike, promised once. Each vendor's folder says by which route. */
export { flux2KleinEdit, fluxKontextPro, gptImage2Edit, nanoBanana2Edit } from './edits.ts'
export { flux2Klein, flux2Pro, fluxDev, fluxSchnell, gptImage2, nanoBanana2, qwenImage, zImageTurbo } from './images.ts'
export { elite, express, kling3Standard, lovely, veo31Fast, wan22Small, wanAi } from './videos.ts'
