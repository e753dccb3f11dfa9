/** A provider on this machine: no account, no key, no network, real files. */
export { demo } from './provider.ts'
export type { DemoOptions, DemoProvider } from './provider.ts'
export { demoEdit, demoImage, demoModels, demoVideo } from './models.ts'
