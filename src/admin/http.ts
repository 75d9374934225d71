/**
 * The admin listener: a small HTTP server for probes, scrapers, people, and `weir`'s own commands.
 *
 * fastify routes, validates and serializes. Here are the limits, which are tight, since nobody who means well
 * needs more; what a mistake is answered with; and the two probes. Those ask neither who calls nor under which
 * name, as kubelet calls by address. Everything else (api.ts) stands behind the guard (guard.ts).
 */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { guard, HEADERS } from './guard.ts'
import { close, listen, type Place } from './listen.ts'
import { Problem, problemOf, unknownPath } from './problem.ts'

const HEADER_BYTES_MAX = 8_192
const BODY_BYTES_MAX = 65_536
const REQUEST_MS_MAX = 5_000
/** A connection on which nothing moves: who does not take an answer must not keep others out. Longer than a comparison takes. */
const STILL_MS_MAX = 60_000
const CONNECTIONS_MAX = 64
const REQUESTS_PER_SOCKET_MAX = 1_000

/** Whether connections are served, and if not, what is missing. */
export type Readiness = { readonly ready: boolean } & Readonly<Record<string, unknown>>

export type AdminOptions = Pick<Place, 'address' | 'port'> &
  Partial<Place> & {
    /** Names beside this machine's own that requests may come under. */
    readonly hosts?: readonly string[]
    readonly readiness: () => Readiness
    /** Adds what is behind the guard. */
    readonly api?: (app: FastifyInstance) => Promise<void>
    /** Told of what an endpoint did not expect: our bug. */
    readonly onBug?: (error: unknown) => void
  }

export type Admin = Place & { close(): Promise<void> }

/** Listens; rejects with the kernel's error where that fails. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { address, port, socket = '', hosts = [], readiness, api, onBug } = options
  const server = createTightServer()
  const app = Fastify({
    serverFactory: handler => server.on('request', handler),
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: true,
    return503OnClosing: false,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
    frameworkErrors: (error, _request, reply) => fail(error, reply),
    clientErrorHandler: refuseBytes,
  })
  const methods = methodsByPath(app)
  const checkGuard = guard(hosts)
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error, _request, reply) => fail(error, reply))
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    const path = pathOf(request)
    if (!PROBES.has(path)) await checkGuard(request)
    else if (hasBody(request.raw)) void reply.header('connection', 'close') // not waited for
    if (request.is404) throw misplaced(request, reply, path, methods)
  })
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' && payload.startsWith('{') ? `${payload}\n` : payload,
  )
  addProbes(app, readiness)
  if (api) await app.register(api)
  await app.ready()
  const where = await listen(server, { address, port, socket })
  return { ...where, close: () => close(server) }

  function fail(error: unknown, reply: FastifyReply): FastifyReply {
    const problem = problemOf(error, reply.request.routeOptions?.bodyLimit ?? BODY_BYTES_MAX)
    if (problem === null) onBug?.(error)
    const { status, body } =
      problem ?? new Problem(500, 'bug', 'weir did not expect this', 'its log says more')
    if (hasBody(reply.request.raw)) void reply.header('connection', 'close') // not waited for
    return reply.code(status).headers(HEADERS).send(body)
  }
}

function createTightServer(): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: REQUEST_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: REQUEST_MS_MAX,
    connectionsCheckingInterval: REQUEST_MS_MAX,
    requireHostHeader: false,
  })
  server.timeout = STILL_MS_MAX
  server.maxConnections = CONNECTIONS_MAX
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX
  return server
}

const PROBES: ReadonlySet<string> = new Set(['/healthz', '/ready'])

function addProbes(app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/healthz', { schema: { hide: true } as object }, async () => ({ alive: true }))
  app.get('/ready', { schema: { hide: true } as object }, async (_request, reply) => {
    const body = readiness()
    return reply.code(body.ready ? 200 : 503).send(body)
  })
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0]

/** Which methods each path takes; filled while endpoints are added. */
function methodsByPath(app: FastifyInstance): ReadonlyMap<string, Set<string>> {
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    methods.set(url, known)
    for (const each of [method].flat()) known.add(each)
  })
  return methods
}

/** A path that there is not, or not with this method. */
function misplaced(
  { method }: FastifyRequest,
  reply: FastifyReply,
  path: string,
  methods: ReadonlyMap<string, Set<string>>,
): Problem {
  const taken = methods.get(path)
  if (!taken) return unknownPath(path, methods.keys())
  const list = [...taken].join(', ')
  void reply.header('allow', list)
  return new Problem(405, 'wrong-method', `${path} takes ${list}, not ${method}`)
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

const BYTES_REFUSED: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem(
    431,
    'header-too-large',
    `headers are larger than ${HEADER_BYTES_MAX} bytes`,
  ),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(408, 'too-slow', `the request took longer than ${REQUEST_MS_MAX} ms`),
}
const NOT_HTTP = new Problem(400, 'not-http', 'this is no HTTP request')

/** What is not even a request is answered by hand, and the connection closed. */
function refuseBytes(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, body } = BYTES_REFUSED[error.code ?? ''] ?? NOT_HTTP
  const text = `${JSON.stringify(body)}\n`
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}
