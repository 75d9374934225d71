/**
 * The error answer of the admin listener: a code for programs, a sentence for people, and how to
 * fix it.
 *
 *   {"code":"unknown-path","message":"there is no /metric","hint":"did you mean \"/metrics\"?"}
 */

import type { FastifyError } from 'fastify'
import { didYouMean } from '../config/findings/suggest.ts'

/** Thrown by an endpoint that cannot do what the request asks. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string | undefined

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message)
    this.status = status
    this.code = code
    this.hint = hint
  }

  get body(): { code: string; message: string; hint?: string } {
    const { code, message, hint } = this
    return { code, message, ...(hint === undefined ? {} : { hint }) }
  }
}

const SEE = 'see /openapi.json'

/** An error of fastify or an endpoint as a problem; null if it is our bug. */
export function problemOf(error: unknown, bodyBytesMax: number): Problem | null {
  if (error instanceof Problem) return error
  const { code, statusCode, validation, validationContext, message } = error as FastifyError
  if (validation?.[0]) return invalid(validation[0], validationContext ?? 'request')
  if (statusCode === 413)
    return new Problem(413, 'body-too-large', `the body is larger than ${bodyBytesMax} bytes`)
  if (statusCode === 415)
    return new Problem(415, 'not-json', 'the body is not JSON', 'send it with content-type: application/json')
  if (error instanceof SyntaxError || code === 'FST_ERR_CTP_INVALID_JSON_BODY')
    return new Problem(400, 'bad-json', message)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && code !== undefined)
    return new Problem(statusCode, 'bad-request', message, SEE)
  return null
}

type Violation = NonNullable<FastifyError['validation']>[number]

const PARTS: Readonly<Record<string, string>> = { querystring: 'query', body: 'body', params: 'path' }

/** A request that its schema refuses. */
function invalid({ keyword, instancePath, params, message }: Violation, context: string): Problem {
  const part = PARTS[context] ?? context
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty)
    return new Problem(400, 'unknown-field', `the ${part} has the unknown field "${name}"`, SEE)
  }
  const field = instancePath.slice(1).replaceAll('/', '.')
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
  const text = `the ${part}${field === '' ? '' : `'s ${field}`} ${message ?? 'is not right'}${allowed}`
  return new Problem(400, 'bad-request', text, SEE)
}

/** Unknown path. */
export const unknownPath = (path: string, known: Iterable<string>): Problem =>
  new Problem(404, 'unknown-path', `there is no ${path}`, didYouMean(path, [...known]) ?? SEE)
