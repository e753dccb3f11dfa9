/** What travels with a request. */
import type { Caller } from './auth/callers.ts'

/** The little that is needed of the platform; another one than Node may leave it out. */
export interface Platform {
  incoming?: { socket?: { remoteAddress?: string | undefined }; rawHeaders?: readonly string[]; complete?: boolean }
}

export interface AppEnv {
  Bindings: Platform
  Variables: {
    requestId: string
    caller?: Caller
    /** The session was refreshed on the way in: what the cookie holds from now on. */
    renewedCookie?: string
  }
}
