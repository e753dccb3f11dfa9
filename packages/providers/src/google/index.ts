/** Google's Gemini API: Gemini images, Veo, Gemini Omni. */
export { google } from './provider.ts'
export type { GoogleOptions, GoogleProvider } from './provider.ts'
export { gemini3ProImage, geminiOmniFlash, googleModels } from './models.ts'
