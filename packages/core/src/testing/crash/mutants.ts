/**
 * Deliberate bugs in the engine, each of them one that real systems have had. The crash suite must catch every one: a
 * suite that lets one live proves nothing about its neighbours.
 */
export interface Mutant {
  name: string
  file: string
  find: string
  replace: string
  /** A case that is likely to see it; the others follow. */
  hint: string
}

export const mutants: readonly Mutant[] = [
  {
    name: 'a lost submit is sent again to a provider that takes no key',
    file: 'attempts.ts',
    find: "if (recovery !== 'lookup') return { status: 'unknown' }",
    replace: 'if (recovery) return offer(parts, job)',
    hint: 'a provider that can be neither: the process is killed',
  },
  {
    name: 'a submit without an answer counts as refused',
    file: 'attempts.ts',
    find: "parts.trouble(error, { jobId: job.id, doing: 'handing the job over' })\n    return { status: 'unknown' }",
    replace: 'return neverArrived',
    hint: 'the answer is lost',
  },
  {
    name: 'what a look-up found is not believed',
    file: 'attempts.ts',
    find: "found.status === 'absent' ? neverArrived : found",
    replace: 'neverArrived',
    hint: 'the answer is lost, lookup: nothing happens',
  },
  {
    name: 'a late acceptance is forgotten',
    file: 'attempts.ts',
    find: 'if (!adopted) await stop(parts, now, attempt)',
    replace: 'void attempt',
    hint: 'a provider with idempotent submits: somebody cancels',
  },
  {
    name: 'an attempt that a webhook adopted is canceled',
    file: 'attempts.ts',
    find: 'if (!adopted) await stop',
    replace: 'await stop',
    hint: 'a webhook comes',
  },
  {
    name: 'the operation of a running job is not canceled with it',
    file: 'settlement.ts',
    find: 'if (mayStillRun && job.attempt)',
    replace: 'if (!mayStillRun && job.attempt)',
    hint: 'a provider with idempotent submits: somebody cancels',
  },
  {
    name: 'bytes that were kept before a crash are not looked for',
    file: 'lifecycle.ts',
    find: 'kept.length > 0 && !isWhole ?',
    replace: 'kept.length > 99 && !isWhole ?',
    hint: 'bytes in the answer: the process is killed',
  },
  {
    name: 'a failed look decides',
    file: 'lifecycle.ts',
    find: "case 'trouble':\n      return troubled(parts, job)",
    replace: "case 'trouble':\n      return fail(parts, job, 'provider_failed', 'unknown')",
    hint: 'a provider with idempotent submits: the line is down',
  },
  {
    name: 'the time limit decides without a last look',
    file: 'lifecycle.ts',
    find: '  return heard(parts, job, await ask(parts, job), isOverdue)',
    replace:
      "  if (isOverdue) return fail(parts, job, 'timed_out', 'unknown')\n  return heard(parts, job, await ask(parts, job), isOverdue)",
    hint: 'a provider with idempotent submits: nobody works',
  },
  {
    name: 'a lost submit is given up at the first unanswered question',
    file: 'lifecycle.ts',
    find: 'if (newsMayCome && !(isOverdue && troubles.count >= LAST_ASKS))',
    replace: 'if (newsMayCome && !isOverdue)',
    hint: 'the answer is lost, idempotent: nobody works',
  },
  {
    name: 'a full disk ends the job',
    file: 'lifecycle.ts',
    find: 'trouble: TROUBLE_SECONDS,',
    replace: 'trouble: 0,',
    hint: 'storage is down for a while',
  },
  {
    name: 'a flagged output is delivered',
    file: 'outputs.ts',
    find: '.filter(({ output }) => !output.flagged)',
    replace: '',
    hint: 'fewer outputs than asked for',
  },
  {
    name: 'forbidden content is offered to the next provider',
    file: 'lifecycle.ts',
    find: "last?.refusal?.scope === 'request'",
    replace: "last?.refusal?.scope === 'account'",
    hint: 'the request itself is refused',
  },
  {
    name: 'a failure that was paid for is tried elsewhere',
    file: 'lifecycle.ts',
    find: "const mayTryElsewhere = paid === 'no' &&",
    replace: 'const mayTryElsewhere =',
    hint: 'the provider fails, paid',
  },
  {
    name: 'the job is called failed before the credits are back',
    file: 'settlement.ts',
    find: "return parts.jobs.move(job, 'refunding', { ...patch",
    replace: "return parts.jobs.move(job, 'failed', { ...patch",
    hint: 'the provider fails, paid: nothing happens',
  },
  {
    name: 'a repeated charge has a reference of its own',
    file: 'lifecycle.ts',
    find: 'reference: id, kind',
    replace: 'reference: parts.newId(), kind',
    hint: 'a provider with idempotent submits: the process is killed',
  },
  {
    name: 'missing outputs are not refunded',
    file: 'settlement.ts',
    find: '(job.price * (job.count - delivered.length))',
    replace: "(job.price * (ending === 'succeeded' ? 0 : job.count))",
    hint: 'two of three outputs',
  },
  {
    name: 'a second refusal of the same kind goes on for ever',
    file: 'lifecycle.ts',
    find: 'if (counted.length < ATTEMPTS_MAX) return null',
    replace: 'if (counted.length < 1e9) return null',
    hint: 'all refuse',
  },
  {
    name: 'the wrong end: canceled jobs fail',
    file: 'settlement.ts',
    find: "ending: job.ending ?? 'failed', files: []",
    replace: "ending: 'failed', files: []",
    hint: 'somebody cancels',
  },
  {
    name: 'a process that stood still sends what others have seen to be lost',
    file: 'attempts.ts',
    find: 'if (parts.now() > sendBy)',
    replace: 'if (parts.now() > sendBy + 1e12)',
    hint: 'whole jobs under a seed',
  },
  {
    name: 'several ask after the same lost submit',
    file: 'lifecycle.ts',
    find: "const mine = await parts.jobs.move(job, 'submitting', { wakeInSeconds: seconds })",
    replace: 'const mine = job',
    hint: 'whole jobs under a seed',
  },
  {
    name: 'two settle with different files',
    file: 'settlement.ts',
    find: '? decided.media : []',
    replace: '? media : []',
    hint: 'whole jobs under a seed',
  },
]
