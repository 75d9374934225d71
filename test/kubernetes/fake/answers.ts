/** One request: recorded, tried by the faults, authenticated, authorized, answered. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Access } from './access.ts'
import { AGGREGATED, discovered } from './discovery.ts'
import { ApiError, noSuchPath } from './errors.ts'
import type { Fault, Faults } from './faults.ts'
import type { Kind, Kinds } from './kinds.ts'
import { Lists } from './lists.ts'
import { openApi } from './openapi.ts'
import { type Asked, askedBy, type Recorded } from './request.ts'
import { Resources } from './resources.ts'
import type { Store } from './store.ts'
import { Watch } from './watches.ts'

export interface AnswerOptions {
  /** Whether watches may begin with the objects there are: since Kubernetes 1.32. */
  readonly hasWatchList?: boolean
  /** Whether discovery comes as a whole: since Kubernetes 1.27. */
  readonly hasAggregatedDiscovery?: boolean
  /** How long a watch lasts whose client does not say. */
  readonly watchMs?: number
}

interface Parts {
  readonly store: Store
  readonly kinds: Kinds
  readonly access: Access
  readonly faults: Faults
}

interface Answer {
  readonly code: number
  readonly object: object | string
  readonly type?: string
  readonly retryAfterSeconds?: number | undefined
}

export class Answers {
  readonly requests: Recorded[] = []
  readonly watches = new Set<Watch>()
  readonly lists: Lists
  #answered = Promise.withResolvers<void>()
  readonly #resources: Resources
  readonly #parts: Parts
  readonly #options: Required<AnswerOptions>

  constructor(parts: Parts, options: AnswerOptions) {
    this.#parts = parts
    this.#options = { hasWatchList: true, hasAggregatedDiscovery: true, watchMs: 1_800_000, ...options }
    this.lists = new Lists(parts.store)
    this.#resources = new Resources(parts.store)
  }

  /** Resolves when the next request is answered. */
  get next(): Promise<void> {
    return this.#answered.promise
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = askedBy(request)
    const userAgent = request.headers['user-agent'] ?? ''
    let user = ''
    const record = (code: number): void => {
      this.requests.push({ ...asked, user, code, userAgent })
      this.#answered.resolve()
      this.#answered = Promise.withResolvers()
    }
    try {
      const body = await text(request)
      const fault = this.#parts.faults.take(asked)
      if (fault && 'until' in fault) await fault.until
      if (fault && isOver(fault, response)) return record(0)
      const known = this.#parts.access.authenticate(request)
      user = known.name
      this.#parts.access.authorize(known, asked)
      if (asked.verb === 'watch') {
        this.#watch(asked, user, response, fault)
        return record(200)
      }
      const [type] = (request.headers['content-type'] ?? 'application/json').split(';')
      const answer = this.#answerOf(request, asked, { text: body, type, userAgent })
      record(answer.code)
      send(response, answer, fault !== undefined && 'half' in fault)
    } catch (error) {
      // A mistake of the fake's own is said loudly, as the test would look for it elsewhere.
      if (!(error instanceof ApiError)) process.stderr.write(`fake API server: ${(error as Error).stack}\n`)
      const known = error instanceof ApiError ? error : new ApiError(500, 'InternalError', String(error))
      const { status, retryAfterSeconds } = known
      record(status.code)
      if (!response.headersSent) send(response, { code: status.code, object: status, retryAfterSeconds })
    }
  }

  #watch(asked: Asked, user: string, response: ServerResponse, fault: Fault | undefined): void {
    const stream = fault && 'stream' in fault ? fault.stream : {}
    const watch = new Watch(this.#parts.store, this.#kindOf(asked), asked, user, response, stream)
    this.watches.add(watch)
    response.once('close', () => this.watches.delete(watch))
    watch.begin(this.#options.hasWatchList, this.#options.watchMs)
  }

  #answerOf(
    request: IncomingMessage,
    asked: Asked,
    body: { readonly text: string; readonly type: string; readonly userAgent: string },
  ): Answer {
    if (asked.plural === '') return this.#other(request.headers.accept ?? '', asked.path)
    const kind = this.#kindOf(asked)
    if (asked.verb === 'list') return { code: 200, object: this.lists.answer(kind, asked) }
    return this.#resources.answer(kind, asked, body)
  }

  #other(accept: string, path: string): Answer {
    if (['/livez', '/readyz', '/healthz'].includes(path))
      return { code: 200, type: 'text/plain', object: 'ok' }
    if (path === '/version')
      return {
        code: 200,
        object: { major: '1', minor: '34', gitVersion: 'v1.34.0', platform: 'linux/amd64' },
      }
    const isAggregated =
      this.#options.hasAggregatedDiscovery && accept.includes('v=v2;as=APIGroupDiscoveryList')
    const kinds = this.#parts.kinds.all()
    const found = discovered(path, kinds, isAggregated) ?? openApi(path, kinds)
    if (!found) throw noSuchPath()
    return { code: 200, object: found, ...('items' in found && { type: AGGREGATED }) }
  }

  #kindOf({ group, version, plural }: Asked): Kind {
    const kind = this.#parts.kinds.find(group, version, plural)
    if (!kind) throw noSuchPath()
    return kind
  }
}

/** Whether a fault is all that the client gets. Throws the answer that a fault is. */
function isOver(fault: Fault, response: ServerResponse): boolean {
  if ('code' in fault) {
    const { code, reason = 'Scripted', retryAfterSeconds } = fault
    throw new ApiError(
      code,
      reason,
      'scripted by the test',
      retryAfterSeconds ? { retryAfterSeconds } : undefined,
    )
  }
  if ('body' in fault) response.writeHead(200, { 'content-type': 'application/json' }).end(fault.body)
  if ('reset' in fault) response.socket?.resetAndDestroy()
  return 'body' in fault || 'reset' in fault || 'unanswered' in fault
}

function send(response: ServerResponse, answer: Answer, isHalf = false): void {
  const { code, object, type = 'application/json', retryAfterSeconds } = answer
  const body = typeof object === 'string' ? object : JSON.stringify(object)
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  })
  if (!isHalf) response.end(body)
  else response.write(body.slice(0, body.length / 2), () => response.socket?.resetAndDestroy())
}
