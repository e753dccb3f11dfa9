/** Reads a request for images as OpenAI does, JSON or a form, and finds fault with it. For the simulator. */
import type { Exchange } from '../testing/kit/simulator.ts'

export interface ImageRequest {
  fields: Record<string, string>
  pictures: number
  isEdit: boolean
  isForm: boolean
  model: string
  prompt: string
  count: number
  outputFormat: string
  sampleKind: 'png' | 'jpeg' | 'webp'
  pixels: { width: number; height: number }
  isStream: boolean
  partialImages: number
}

export interface Problem {
  message: string
  param: string
  code: string | null
}

export async function readRequest({ path, headers, body, json }: Exchange): Promise<ImageRequest> {
  const type = headers.get('content-type') ?? ''
  const isForm = type.startsWith('multipart/form-data')
  const form = isForm ? await formOf(body, type) : []
  const texts = isForm
    ? form.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    : Object.entries(typeof json === 'object' && json !== null ? json : {}).map(([name, value]) => [
        name,
        textOf(value),
      ])
  const fields: Record<string, string> = Object.fromEntries(texts)
  const outputFormat = fields['output_format'] ?? 'png'
  const [width = 1024, height = 1024] =
    /^(\d+)x(\d+)$/
      .exec(fields['size'] ?? '')
      ?.slice(1)
      .map(Number) ?? []
  return {
    fields,
    pictures: form.filter(([name, value]) => /^image(?:\[\])?$/.test(name) && typeof value !== 'string').length,
    isEdit: path.endsWith('/edits'),
    isForm,
    model: fields['model'] ?? '',
    prompt: fields['prompt'] ?? '',
    count: Number(fields['n'] ?? 1),
    outputFormat,
    sampleKind: outputFormat === 'jpeg' || outputFormat === 'webp' ? outputFormat : 'png',
    pixels: { width, height },
    isStream: fields['stream'] === 'true',
    partialImages: Number(fields['partial_images'] ?? 0),
  }
}

async function formOf(body: Uint8Array, type: string): Promise<[string, FormDataEntryValue][]> {
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
    return [...form.entries()]
  } catch {
    // No form after all: every field is missing then, and the answer says so.
    return []
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

const FIELDS = new Set(
  'model prompt n size quality complexity background output_format output_compression moderation stream partial_images user safety_identifier input_fidelity mask image image[] markup'.split(
    ' ',
  ),
)
const RETIRED = /^(?:gpt-image-1|dall-e-[23]|sora-.*)$/
const KNOWN =
  /^(?:gpt-image-(?:1\.5|1-mini|2|2\.5-(?:sunburst|flare)|2\.6-(?:sunburst|flare))(?:-\d{4}-\d\d-\d\d)?|chatgpt-image-latest)$/
const OLD_SIZES = ['1024x1024', '1024x1536', '1536x1024', 'auto']

/** What the vendor would refuse; null for a request that is in order. */
export function problemWith(request: ImageRequest): Problem | null {
  const { fields, model, prompt, count, isEdit, isForm, pictures } = request
  if (isEdit && !isForm) return problem("Invalid type for 'image': expected a file.", 'image', 'invalid_type')
  const stranger = Object.keys(fields).find(name => !FIELDS.has(name))
  if (stranger) return problem(`Unknown parameter: '${stranger}'.`, stranger, 'unknown_parameter')
  if (prompt === '') return problem("Missing required parameter: 'prompt'.", 'prompt', 'missing_required_parameter')
  if (prompt.length > 32_000) return problem('The prompt is too long.', 'prompt', 'string_above_max_length')
  if (RETIRED.test(model)) return problem(`The model '${model}' has been deprecated.`, 'model', 'model_not_found')
  if (!KNOWN.test(model)) return problem(`The model '${model}' does not exist.`, 'model', 'model_not_found')
  if (!Number.isInteger(count) || count < 1 || count > 10) return problem("Invalid 'n'.", 'n', 'invalid_value')
  if (isEdit && (pictures < 1 || pictures > 16)) return problem("Invalid 'image'.", 'image', 'invalid_value')
  return problemWithFormat(request) ?? problemWithSize(model, fields['size'] ?? 'auto')
}

function problem(message: string, param: string, code: string | null): Problem {
  return { message, param, code }
}

function problemWithFormat({ outputFormat, model }: ImageRequest): Problem | null {
  const formats = model.startsWith('gpt-image-2.6') ? ['png', 'jpeg', 'webp', 'gif', 'svg'] : ['png', 'jpeg', 'webp']
  return formats.includes(outputFormat) ? null : problem("Invalid 'output_format'.", 'output_format', 'invalid_value')
}

/** From the second generation on any size in steps of 16, up to 3840 x 2160, not longer than three times its width. */
function problemWithSize(model: string, size: string): Problem | null {
  const fault = problem(`Invalid value: '${size}'.`, 'size', 'invalid_value')
  if (/^(?:gpt-image-1|chatgpt)/.test(model)) return OLD_SIZES.includes(size) ? null : fault
  const [, width, height] = (/^(\d+)x(\d+)$/.exec(size) ?? []).map(Number)
  if (size === 'auto') return null
  if (!width || !height || width % 16 || height % 16) return fault
  const isTooLong = Math.max(width, height) / Math.min(width, height) > 3
  return isTooLong || width * height > 3840 * 2160 ? fault : null
}
