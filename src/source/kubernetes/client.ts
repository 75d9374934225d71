/**
 * Requests to the API server, over node:http or node:https.
 *
 * `open` resolves with the headers of an answer, and its caller reads the body: a watch has no end.
 * `whole` and `refusal` read the body, up to a size and a time. After a 401 the next request has a
 * token, certificates and a connection that are new.
 */

import type { Agent as HttpAgent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import { Failure } from './failures.ts'
import type { Identity } from './identity.ts'

/** Time until the headers of an answer. */
const HEADERS_MS_MAX = 30_000
/** Time for an answer that is read as a whole: a page of a list, over a slow link. */
const BODY_MS_MAX = 60_000
/** A page of 500 objects; etcd keeps none above 1.5 MiB, and few are near that. */
const BODY_BYTES_MAX = 256 * 1024 ** 2
/** A Status object, or the page of a proxy. */
const REFUSAL_BYTES_MAX = 1024 ** 2
/**
 * What a body that is paused may still take: nearly nothing, since node:http stops reading the
 * socket only once that is full.
 */
const PAUSED_BYTES_MAX = 1
/** Connections that are kept for the next list, of as many as there were at the start. */
const IDLE_MAX = 2
/** Probes of a silent connection begin after this time: they find a peer that is gone. */
const KEEPALIVE_MS = 15_000

type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: IncomingMessage
}

type Whole = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly value: unknown
}

type Sent = {
  readonly method?: string
  readonly type?: string
  readonly body?: string
  /** The reader of the answer pauses it. */
  readonly pauses?: boolean
}

type Agents = { readonly plain: HttpAgent; readonly pausing: HttpAgent }

export class Client {
  readonly #identity: Identity
  #agents: Agents | null = null

  constructor(identity: Identity) {
    this.#identity = identity
  }

  get server(): string {
    return this.#identity.server.href
  }

  /** Sends a request; resolves with the headers of its answer. */
  async open(path: string, signal: AbortSignal, sent: Sent = {}): Promise<Answer> {
    const { server, bearer } = this.#identity
    const token = bearer ? await unlessAborted(bearer.token(), signal) : ''
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const isTls = server.protocol === 'https:'
    const request = (isTls ? https : http).request({
      hostname: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (isTls ? 443 : 80),
      path: server.pathname.replace(/\/$/, '') + path,
      method: sent.method ?? 'GET',
      agent: this.#agentsOf(isTls)[sent.pauses ? 'pausing' : 'plain'],
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': 'weir',
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(sent.body !== undefined && {
          'content-type': sent.type ?? 'application/json',
          'content-length': Buffer.byteLength(sent.body),
        }),
      },
    })
    const late = setTimeout(
      () => request.destroy(new Error(`no answer within ${HEADERS_MS_MAX / 1000} s`)),
      HEADERS_MS_MAX,
    )
    request.on('response', body => {
      clearTimeout(late)
      if (body.statusCode === 401) this.refused()
      body.on('error', () => {}) // its reader is told, too
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body })
    })
    request.on('error', error => {
      clearTimeout(late)
      reject(error)
    })
    request.end(sent.body)
    return promise
  }

  /** Sends a request and reads its answer as JSON; undefined: it is none. */
  async whole(path: string, signal: AbortSignal, sent: Sent = {}): Promise<Whole> {
    const { status, headers, body } = await this.open(path, signal, sent)
    return { status, headers, value: parsed(await bytesOf(body, BODY_BYTES_MAX)) }
  }

  /** Why an answer of `open` is not the one that was wanted. */
  async refusal({ status, headers, body }: Answer): Promise<Failure> {
    try {
      return Failure.ofAnswer(status, headers, parsed(await bytesOf(body, REFUSAL_BYTES_MAX)))
    } catch {
      return Failure.ofAnswer(status, headers, undefined) // the status says what to do
    }
  }

  /** Whether /readyz says so: a server that has just started may not know its CRDs yet. */
  async isReady(signal: AbortSignal): Promise<boolean> {
    try {
      const { status } = await this.whole('/readyz', signal)
      return status < 500 // 401 and 403: it answers, and does not say
    } catch {
      return false // no connection, or `signal`
    }
  }

  /** The next requests have a new token, new certificates and new connections. */
  refused(): void {
    this.#identity.bearer?.refused()
    for (const each of this.#all()) retire(each)
    this.#agents = null
  }

  close(): void {
    for (const each of this.#all()) each.destroy()
  }

  #all(): HttpAgent[] {
    return Object.values(this.#agents ?? {})
  }

  #agentsOf(isTls: boolean): Agents {
    const options = {
      keepAlive: true,
      keepAliveMsecs: KEEPALIVE_MS,
      ...(isTls && this.#identity.tls()),
    }
    const agentOf = (others: object) =>
      isTls ? new https.Agent({ ...options, ...others }) : new http.Agent({ ...options, ...others })
    this.#agents ??= {
      plain: agentOf({ maxFreeSockets: IDLE_MAX }),
      pausing: agentOf({ highWaterMark: PAUSED_BYTES_MAX }),
    }
    return this.#agents
  }
}

/** Closes its idle connections now, and the others when their answers end. */
function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) for (const each of sockets ?? []) each.destroy()
}

/** @throws when the signal comes first: a credential program may take a minute. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The whole body. @throws if it is larger, takes too long, or is cut off. */
async function bytesOf(body: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const late = setTimeout(
    () => body.destroy(new Error(`the answer did not end within ${BODY_MS_MAX / 1000} s`)),
    BODY_MS_MAX,
  )
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`)
    }
  } finally {
    clearTimeout(late)
  }
  if (!body.complete) throw new Error('the answer was cut off')
  return Buffer.concat(chunks)
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
