import { RotateCcw } from 'lucide-react'
import { dismiss, worthAgainAt, type Press } from '../api/presses.ts'
import { Problem } from '../api/http.ts'
import { sentenceFor } from '../api/trouble.ts'
import { useNow } from '../browser/clock.ts'
import { text } from '../messages.ts'
import { Button } from './button.tsx'
import { DevelopingSheet, Frame } from './frame.tsx'
import { CardShell, shapeOf } from './job-card.tsx'
import { AlertNote } from './job-ends.tsx'
import { ProgressBar } from './job-progress.tsx'
import { usePressAgain } from './use-presser.ts'

/** A press that has no job yet: on its way, or refused. */
export function PressCard({ press }: { press: Press }) {
  const { prompt } = press.request.input
  if (press.state.name === 'refused') {
    return (
      <CardShell prompt={prompt} isLow frame={<AlertNote sentence={sentenceOf(press.state.error)} />}>
        <RefusedActions press={press} />
      </CardShell>
    )
  }
  const saying = press.state.name === 'sending' && press.state.tries > 1 ? text.refusal.retrying : text.refusal.sending
  const count = press.request.input.count ?? 1
  return (
    <CardShell
      prompt={prompt}
      frame={
        <Frame count={count}>
          {Array.from({ length: count }, (_, index) => (
            <DevelopingSheet key={index} size={shapeOf(press.request, press.model)} preview={undefined} label="" />
          ))}
        </Frame>
      }
    >
      <ProgressBar fraction={null} saying={saying} />
      <p className="mt-2 text-fine text-amber">{saying}</p>
    </CardShell>
  )
}

function sentenceOf(error: unknown): string {
  const sentence = sentenceFor(error)
  return error instanceof Problem ? `${sentence} ${text.refusal.nothingCharged}` : sentence
}

function RefusedActions({ press }: { press: Press }) {
  const again = usePressAgain()
  const at = worthAgainAt(press)
  const waitSeconds = Math.ceil((at - useNow(at > 0)) / 1000)
  return (
    <div className="mt-auto flex flex-wrap gap-2 pt-4">
      <Button disabled={waitSeconds > 0} onClick={() => again(press)} className="figures">
        <RotateCcw className="size-4" aria-hidden="true" />
        {waitSeconds > 0 ? text.jobs.tryAgainIn(waitSeconds) : text.tryAgain}
      </Button>
      <Button look="bare" onClick={() => dismiss(press.key)}>
        {text.jobs.dismiss}
      </Button>
    </div>
  )
}
