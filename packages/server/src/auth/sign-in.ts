/** The seam for a sign-in that is somebody else's: what this server asks of it, and what it may answer. */

/** Who an access token is of. `unavailable`: nobody could say now, which is no reason to call it forged. */
export type Verified = { status: 'valid'; user: { id: string } } | { status: 'expired' | 'invalid' | 'unavailable' }

/** A sign-in beside this server. Whoever it vouches for must be in the studio's database. */
export interface SignIn {
  /** Of a bearer token. Never throws. */
  verify(accessToken: string): Promise<Verified>
  /** Lets people sign in through this server. Without it only programs come in, with tokens. */
  people?: PeopleSignIn
}

/** For people at the page. Nothing here throws: what cannot be reached answers `unavailable`. */
export interface PeopleSignIn {
  signUp(credentials: Credentials): Promise<SignInAnswer>
  signIn(credentials: Credentials): Promise<SignInAnswer>
  /** The session goes on with new tokens; `ended` where it is over for good. */
  refresh(refreshToken: string): Promise<RefreshAnswer>
  /** Ends the session that this access token belongs to, and no other of the same person. */
  end(accessToken: string): Promise<void>
}

export interface Credentials {
  email: string
  password: string
}

/** Its tokens stay on the server. */
export interface SignInSession {
  userId: string
  accessToken: string
  refreshToken: string
  /** In milliseconds: until then the sign-in vouches for the person without being asked. */
  expiresAt: number
}

/**
 * `confirm`: an e-mail is on its way, and its link has to be followed first. `because` is for the log of the operator, and
 * holds nothing of the person.
 */
export type SignInAnswer =
  | { status: 'signed_in'; session: SignInSession }
  | { status: 'confirm' }
  | { status: 'refused'; reason: SignInRefusal }
  | { status: 'limited'; retryAfterSeconds: number }
  | { status: 'unavailable'; because?: string }

export type RefreshAnswer =
  | { status: 'signed_in'; session: SignInSession }
  | { status: 'ended' }
  | { status: 'unavailable' }

/**
 * `wrong`: e-mail and password do not belong together. `taken`: the e-mail has an account. `weak`: the password.
 * `switched_off`: this way of coming in. `unfit`: the sign-in takes no such e-mail or password.
 */
export type SignInRefusal = 'wrong' | 'unconfirmed' | 'taken' | 'weak' | 'switched_off' | 'unfit'
