/** What an API server, or the way to it, can fail by, and how long to wait after it. */

import type { IncomingHttpHeaders } from 'node:http'
import { printable } from '../../base/printable.ts'
import type { BackOff } from './back-off.ts'
import type { Fields } from './objects.ts'
import type { Pace } from './pace.ts'

/** A streamed list that did not come to its end. */
export const STREAM_SILENT = -1
/** What to do about a refusal that does not pass by itself, by its HTTP status. */
const CURES: Readonly<Record<number, string>> = {
  401: ' (it does not accept the credentials of the kubeconfig or the service account)',
  403: ' (weir rbac prints the rights that weir needs)',
}
/** A server's Retry-After counts up to this. */
const RETRY_MS_MAX = 120_000

/** What a trouble is about: the server or the way to it, weir's rights, or one kind alone. */
export type Concern = 'server' | 'rights' | 'kind'

export class Failure extends Error {
  /** The HTTP status, or the code of a Status object; 0: the connection failed. */
  readonly status: number
  readonly retryMs: number

  get concerns(): Concern {
    if (this.status === 403) return 'rights'
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 500
      ? 'server'
      : 'kind'
  }

  /** Whether it is about one object alone when that was asked for: others must not wait for it. */
  get isOfObject(): boolean {
    return this.concerns !== 'server' && this.status !== 410
  }

  constructor(status: number, message: string, retryMs = 0) {
    super(printable(message)) // it may be the server's words, or a program's
    this.status = status
    this.retryMs = retryMs
  }

  static ofAnswer(status: number, headers: IncomingHttpHeaders, value: unknown): Failure {
    const { message } = Object(value) as Fields
    const seconds = Number(headers['retry-after'])
    const retryMs = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, RETRY_MS_MAX) : 0
    const why = typeof message === 'string' ? clip(message) : 'no reason is given'
    return new Failure(status, `${status}: ${why}${CURES[status] ?? ''}`, retryMs)
  }

  /** The object of an ERROR event. */
  static ofStatus({ code, message, reason }: Fields): Failure {
    const status = Number.isInteger(code) ? Number(code) : reason === 'Expired' || reason === 'Gone' ? 410 : 0
    return new Failure(status, `${status || 'error'}: ${clip(String(message ?? reason ?? ''))}`)
  }
}

export const failureOf = (error: unknown): Failure =>
  error instanceof Failure ? error : new Failure(0, error instanceof Error ? textOf(error) : String(error))

export function waitAfter({ status, retryMs }: Failure, backOff: BackOff, { absentMs }: Pace): number {
  if (retryMs > 0) return backOff.jittered(retryMs)
  return status === 403 ? backOff.jittered(absentMs) : backOff.next()
}

function textOf(error: Error & { code?: string }): string {
  const { code, message } = error
  return message || code || error.name
}

const clip = (text: string): string => text.slice(0, 300)
