export { openaiModels } from './models.ts'
export { openai } from './provider.ts'
export type { OpenAIOptions, OpenAIProvider } from './provider.ts'
