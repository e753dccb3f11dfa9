import type { Client, Loose } from './serve.ts'

/** A picture of this user, as the API shows it. */
export async function makePicture(client: Client, prompt = 'a pixel'): Promise<Loose> {
  const { body } = await client.submit(prompt)
  const job = await client.ended(body.job.id)
  return job.media[0]
}
