/** What everything is made of. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }
/** Milliseconds since 1970. */
export type Instant = number
