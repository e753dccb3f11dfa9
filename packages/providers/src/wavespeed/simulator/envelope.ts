/** How every answer of the API is wrapped. */

export function envelope(data: unknown): Response {
  return Response.json({ code: 200, message: 'success', data })
}

export function failure(
  code: number,
  message: string,
  { status = code, errorCode = '', retryAfter = 0 } = {},
): Response {
  return Response.json(
    { code, message, ...(errorCode ? { error_code: errorCode } : {}), data: null },
    { status, headers: retryAfter > 0 ? { 'retry-after': String(retryAfter) } : {} },
  )
}
