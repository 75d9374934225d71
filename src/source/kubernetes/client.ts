/**
 * Requests to the API server, over node:http or node:https.
 *
 * An answer is resolved once its headers are here; whoever asked reads the body. A request without
 * headers, or a body that is read as a whole, ends after its time. A 401 makes the bearer forget
 * its token, and the next request reads it anew.
 */

import type { Agent as HttpAgent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import type { Identity } from './identity.ts'

/** Time until the headers of an answer. */
const HEADERS_MS_MAX = 30_000
/** Time for an answer that is read as a whole: a page of a list, over a slow link. */
const BODY_MS_MAX = 60_000
/** A page of 500 objects; etcd keeps none above 1.5 MiB, and few are near that. */
const BODY_BYTES_MAX = 256 * 1024 ** 2
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

type Sent = { readonly method?: string; readonly type?: string; readonly body?: string }

export class Client {
  readonly #identity: Identity
  #agent: HttpAgent | null = null

  constructor(identity: Identity) {
    this.#identity = identity
  }

  get server(): string {
    return this.#identity.server.href
  }

  /** Sends a request; resolves with the headers of its answer. */
  async open(path: string, signal: AbortSignal, sent: Sent = {}): Promise<Answer> {
    const { server, bearer } = this.#identity
    const token = bearer ? await bearer.token() : ''
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const isTls = server.protocol === 'https:'
    const request = (isTls ? https : http).request({
      hostname: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (isTls ? 443 : 80),
      path: server.pathname.replace(/\/$/, '') + path,
      method: sent.method ?? 'GET',
      agent: this.#agentOf(isTls),
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
      body.on('error', () => {}) // whoever reads it is told, too
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
    const timed = AbortSignal.any([signal, AbortSignal.timeout(BODY_MS_MAX)])
    const { status, headers, body } = await this.open(path, timed, sent)
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > BODY_BYTES_MAX) throw new Error(`the answer is larger than ${BODY_BYTES_MAX} bytes`)
    }
    if (!body.complete) throw new Error('the answer was cut off')
    return { status, headers, value: parsed(Buffer.concat(chunks)) }
  }

  /** Whether the server says so: one that has just started may not know its CRDs yet. */
  async isReady(signal: AbortSignal): Promise<boolean> {
    try {
      const { status } = await this.whole('/readyz', signal)
      return status < 500 // who may not ask is not told
    } catch {
      return false // it is gone meanwhile, or whoever asked
    }
  }

  /** Closes idle connections, and reads certificates anew for the next ones. */
  refused(): void {
    this.#identity.bearer?.refused()
    this.#agent = null // open requests keep theirs
  }

  close(): void {
    this.#agent?.destroy()
  }

  #agentOf(isTls: boolean): HttpAgent {
    const options = { keepAlive: true, keepAliveMsecs: KEEPALIVE_MS }
    this.#agent ??= isTls ? new https.Agent({ ...options, ...this.#identity.tls() }) : new http.Agent(options)
    return this.#agent
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
