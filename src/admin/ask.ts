/** A request to the admin listener of a gateway: by a command, or by another replica. */

import { type IncomingMessage, request } from 'node:http'
import { type AdminPlace, formatAdminPlace } from './admin-place.ts'

/** Why there is no answer, for people. */
export class Unanswered extends Error {
  /** 0: nobody answered. */
  readonly status: number
  /** For who knows that a gateway is there. */
  readonly detail: string

  constructor(message: string, status = 0, detail = message) {
    super(message)
    this.status = status
    this.detail = detail
  }
}

type Request = {
  readonly method?: 'GET' | 'POST' | 'PUT'
  /** With its query. */
  readonly path: string
  readonly body?: string | undefined
  readonly token: string | null
}

type AskLimits = {
  /** Without a byte. */
  readonly idleMs?: number
  /** For the whole answer. */
  readonly totalMs?: number
  readonly bytesMax?: number
}

/** The JSON that it answers; rejects with Unanswered. */
export async function askAdmin(
  place: AdminPlace,
  { method = 'GET', path, body, token }: Request,
  { idleMs = 0, totalMs = 0, bytesMax = Number.POSITIVE_INFINITY }: AskLimits,
): Promise<unknown> {
  const where = formatAdminPlace(place)
  const { address, port, socket } = place
  const headers = {
    host: socket === '' ? where : 'localhost',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  const to = socket === '' ? { host: address, port } : { socketPath: socket }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  let timer: NodeJS.Timeout | undefined
  try {
    const asking = request({ ...to, method, path, headers, agent: false, timeout: idleMs }, resolve)
    const giveUp = (why: string): void => void asking.destroy(new Error(why))
    asking.on('error', reject)
    asking.on('timeout', () => giveUp(`no answer for ${idleMs / 1000} s`))
    const late = `no answer within ${(totalMs / 1000).toFixed(1)} s`
    if (totalMs > 0) timer = setTimeout(giveUp, totalMs, late)
    asking.end(body)
    const answer = await promise
    return take(answer.statusCode ?? 0, await textOf(answer, bytesMax), where)
  } catch (error) {
    if (error instanceof Unanswered) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const why = code ?? message
    throw new Unanswered(`no gateway answers at ${where} (${why})`, 0, why)
  } finally {
    clearTimeout(timer)
  }
}

async function textOf(answer: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new Error(`more than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function take(status: number, text: string, where: string): unknown {
  const answer = parse(text)
  if (answer === undefined)
    throw new Unanswered(`what answers at ${where} is no weir (status ${status})`, status)
  if (status >= 200 && status < 300) return answer
  const { message, hint } = Object(answer) as { message?: unknown; hint?: unknown }
  const said = typeof message === 'string' ? message : `status ${status}`
  const cure = typeof hint === 'string' ? ` (${hint})` : ''
  throw new Unanswered(`${said}${cure}`, status)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
