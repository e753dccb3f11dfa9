/** The numbers of the token pool. All times are in milliseconds; `timeScale` 60 makes a minute a second, for tests. */
const MINUTE = 60_000

export type Rules = ReturnType<typeof rulesOf>

export function rulesOf(timeScale = 1) {
  const scaled = (ms: number) => ms / timeScale
  return {
    /** A provider's minute. */
    window: scaled(MINUTE),
    /** Submits come a little slower than what is believed, and count a little longer: not every way is as long. */
    pace: 0.985,
    /** Of the limit, that may come at once after a rest; never less than a lane's own `burst`. */
    burst: 0.08,

    /** A belief that held is left alone for so long; twice as long each time that asking for more was refused … */
    hold: scaled(MINUTE),
    /** … up to this; less where there was more not long ago. */
    holdMost: scaled(15 * MINUTE),
    holdLow: scaled(2 * MINUTE),
    /** A belief under this share of what was once true is low. */
    low: 0.7,
    /** What was once true fades with each try for more that fails. */
    fading: 0.95,
    /** How much more is tried, as a share: half as much after each refusal, twice as much after each success. */
    stepMost: 0.5,
    stepLeast: 0.03,
    /** The first belief in a rate is no less: the first minute is not over when it is met. */
    rateFirst: 10,
    /** A refusal without a reason known takes this share of the limit, and half of it at most. */
    cut: 0.04,

    /** What a provider says is believed up to this: a day is the longest that limits are counted over. */
    retryAfterMost: 24 * 60 * MINUTE,
    /** After a 429 that does not say how long; doubled in a row, up to a window. */
    pause: scaled(1000),
    /** After too many at once: a place is free as soon as one of them ends. */
    pauseOpen: scaled(500),

    /** Health is 1; each failure keeps this share of it, each acceptance gives this share of the rest back. */
    healthAfterFailure: 0.9,
    healing: 0.1,
    /** Five failures in a row from full health, or two in five for a while. */
    healthLeast: 0.6,
    breakFirst: scaled(10_000),
    breakMost: scaled(5 * MINUTE),

    /** How long a refusal lets a token, a (token, model), an account or a model rest; doubled in a row. */
    rests: {
      auth: { first: scaled(MINUTE), most: scaled(60 * MINUTE) },
      permission: { first: scaled(10 * MINUTE), most: scaled(10 * MINUTE) },
      credits_exhausted: { first: scaled(MINUTE), most: scaled(60 * MINUTE) },
      model_unavailable: { first: scaled(MINUTE / 2), most: scaled(10 * MINUTE) },
    },
    /** The second 401 in a row: the key is dead. */
    authStrikes: 2,

    /**
     * Where one call at a time is let through, one that has no answer for so long is no longer waited for. Not scaled: an
     * answer takes as long as it takes.
     */
    trial: 10_000,
    /** When a lane that is full is worth asking again. */
    full: scaled(250),
    /** Whoever has to wait comes a little later than the one before, and no more than this much later. */
    queueGap: scaled(50),
    queueMost: scaled(MINUTE / 2),
  } as const
}
