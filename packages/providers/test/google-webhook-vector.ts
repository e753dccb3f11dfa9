/** A delivery signed as Standard Webhooks says (standardwebhooks.com), with a throw-away secret; accepted by two official verifiers of other vendors. */
export const googleVector = {
  secret: 'whsec_cG9vbC1zaW0tc3RhbmRhcmQtd2ViaG9va3Mta2V5LTMyYiE=',
  now: 1_763_900_000_000,
  headers: {
    'webhook-id': 'msg_0001',
    'webhook-timestamp': '1763900000',
    'webhook-signature': 'v1,clu7OlU93gy2sZ1FbHLVTwqkDKASTIfFs0Ao9LMdaeY=',
  },
  body: '{"id":"pred_1","status":"succeeded","output":["https://sim.invalid/a.png"]}',
} as const
