/** The smallest model there is; a test adds what it is about. */
export const onePixel = {
  id: 'm',
  name: 'M',
  kind: 'image',
  description: '',
  sizes: { square: { width: 1, height: 1 } },
  timeoutSeconds: 60,
  routes: [{ provider: 'p', endpoint: 'x', body: () => ({}) }],
} as const
