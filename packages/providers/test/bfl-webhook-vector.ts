/** A signed delivery, made with a throw-away secret by the rule of docs.bfl.ai (webhooks); its form is unverified against the live API. */
export const bflVector = {
  secret: 'job-derived-secret',
  signature: 'sha256=76df3b7b49c74601f28cecc0b1edb442b7d0b3f7ae956881d1e88024c091e6e4',
  body: '{"id":"gen_1","status":"Ready","result":{"sample":"https://sim.invalid/s.png"}}',
} as const
