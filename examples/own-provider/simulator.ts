/** Acme as its documents describe it, so that nothing has to be paid to try the provider. */
import type { Simulator } from '@safelight/providers/testing'

export const acmeSimulator: Simulator = {
  provider: 'acme',
  origins: { ACME_BASE_URL: 'https://api.acme.example', files: 'https://files.acme.example' },
  scenarios: [{ name: 'fails', sheet: 'acme §4', expect: { at: 'look', kind: 'provider_error', paid: 'no' } }],
  actionOf({ origin, method }) {
    if (origin === 'files') return 'media'
    return method === 'POST' ? 'submit' : method === 'DELETE' ? 'cancel' : 'look'
  },
  async answer(exchange, desk) {
    if (exchange.origin === 'files') return desk.file(exchange.path.slice(1), exchange)
    const key = exchange.headers.get('x-acme-key') ?? ''
    const { status, account, isExhausted } = desk.account(key)
    if (status !== 'ok') return Response.json({ error: 'unknown key' }, { status: 401 })
    if (exchange.method === 'POST') {
      if (isExhausted) return Response.json({ error: 'no credit' }, { status: 402 })
      const input = exchange.json as { prompt: string; count: number }
      const [endpoint, plan] = [exchange.path.slice(1), desk.plan(input.prompt)]
      return Response.json({ id: desk.accept({ endpoint, key, account, plan, input }).id }, { status: 201 })
    }
    const job = desk.job(exchange.path.replace('/jobs/', ''))
    if (!job) return Response.json({ error: 'unknown job' }, { status: 404 })
    if (exchange.method === 'DELETE') return Response.json({ state: desk.cancel(job) })
    if (desk.phase(job).phase !== 'done') return Response.json({ state: 'working' })
    if (desk.scenario(job)) return Response.json({ state: 'failed' })
    const files = desk.outputs(job, (job.input as { count: number }).count, 'png')
    return Response.json({ state: 'done', files: files.map(({ name }) => desk.url('files', `/${name}`)) })
  },
}
