/** `generateContent` of an image model, as the simulator answers it. */
import { at, listAt, textAt } from '@safelight/core/adapter'
import type { Desk, SimulatedJob } from '../testing/kit/index.ts'
import { invalid, turnedDown, type Visit } from './simulator.ts'

/** Pixels of `1K` (ai.google.dev/gemini-api/docs/image-generation, aspect ratios). */
const SIZES: Readonly<Record<string, { width: number; height: number }>> = {
  '1:1': { width: 1024, height: 1024 },
  '9:16': { width: 768, height: 1376 },
  '16:9': { width: 1376, height: 768 },
}
const WORKS_AT_MOST_SECONDS = 300

export async function submitPicture(visit: Visit, endpoint: string): Promise<Response> {
  const { exchange, desk, key, account } = visit
  const { json } = exchange
  const parts = listAt(json, 'contents', 0, 'parts')
  const prompt = parts.map(part => textAt(part, 'text')).find(text => text !== undefined)
  if (prompt === undefined) return invalid('contents.parts must not be empty.', exchange)
  const ratio = textAt(json, 'generationConfig', 'imageConfig', 'aspectRatio') ?? '1:1'
  const size = SIZES[ratio]
  if (!size) return invalid(`aspect_ratio must be one of ${Object.keys(SIZES).join(', ')}.`, exchange)
  const seed = at(json, 'generationConfig', 'seed') ?? 0
  if (!Number.isInteger(seed) || Number(seed) >= 2 ** 31)
    return invalid('Invalid value at seed (TYPE_INT32).', exchange)
  const plan = desk.plan(prompt)
  const refusal = turnedDown(visit, 'image', plan.scenario)
  if (refusal) return refusal
  const refused = refusedAnswer(plan.scenario)
  if (refused) return Response.json({ ...refused, usageMetadata: USAGE, modelVersion: endpoint })
  const job = desk.accept({ endpoint, key, account, plan, input: json })
  await desk.settled(job, WORKS_AT_MOST_SECONDS)
  return Response.json({ ...pictureAnswer(job, desk, size), usageMetadata: USAGE, modelVersion: endpoint })
}

const USAGE = { promptTokenCount: 9, candidatesTokenCount: 1120, totalTokenCount: 1129 }

/** Refusals come with status 200, and nothing was made. */
function refusedAnswer(scenario: string | undefined): object | null {
  const withoutPicture = (finishReason: string) => ({ candidates: [{ index: 0, content: {}, finishReason }] })
  if (scenario === 'prompt_blocked') return { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } }
  if (scenario === 'image_safety') return withoutPicture('IMAGE_SAFETY')
  return scenario === 'image_prohibited' ? withoutPicture('IMAGE_PROHIBITED_CONTENT') : null
}

function pictureAnswer(job: SimulatedJob, desk: Desk, size: { width: number; height: number }): object {
  const { scenario } = job.plan
  const candidate = (finishReason: string, parts: object[]) => ({
    candidates: [{ index: 0, content: { role: 'model', parts }, finishReason }],
  })
  const [file] = desk.outputs(job, 1, 'png', size)
  const bytes = file && deformed(desk.bytesOf(file), job.plan.outputs?.kinds?.[0])
  if (scenario === 'no_image') return candidate('NO_IMAGE', [])
  if (scenario === 'text_only' || !file || !bytes) return candidate('STOP', [{ text: 'What fox do you mean?' }])
  const picture = { inlineData: { mimeType: file.contentType, data: Buffer.from(bytes).toString('base64') } }
  const draft = { inlineData: { mimeType: 'image/png', data: btoa('a draft') }, thought: true }
  const thoughts = scenario === 'thought_draft' ? [{ text: 'Thinking', thought: true }, draft] : []
  return candidate('STOP', [...thoughts, { text: 'Here it is.' }, picture])
}

/** A picture inside an answer can be bad, but neither expired nor behind a gateway. */
function deformed(bytes: Uint8Array, kind: string | undefined): Uint8Array | undefined {
  if (kind === 'missing') return undefined
  if (kind === 'empty') return new Uint8Array()
  if (kind === 'broken' || kind === 'html') return new TextEncoder().encode('<html>not a picture</html>')
  return kind === 'truncated' ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes
}
