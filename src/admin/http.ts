/**
 * The admin listener: a small HTTP server for probes, scrapers, people, and `weir`'s own commands.
 *
 * places.ts admits connections, limits their time and passes them to node:http; fastify routes,
 * validates and serializes. This module has the size limits, which are tight because honest callers
 * need no more, the answers to mistakes, and the two probes. Probes check neither caller nor host,
 * since kubelet calls by address. Everything else (api.ts) is behind the guard (guard.ts).
 */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createListener, type Socket } from 'node:net'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import { descriptorOf } from '../engine/node/descriptor.ts'
import { Authority, type Caller, type Granted, READING } from './authority.ts'
import { guard, HEADERS } from './guard.ts'
import { lateSchemas } from './late-schemas.ts'
import { close, listen, type Place } from './listen.ts'
import { LIMITS, type Limits, Places } from './places.ts'
import { Problem, problemOf, unknownPath } from './problem.ts'
import { readQuery } from './query.ts'
import { isRefusal, Refusals } from './refusals.ts'

const HEADER_BYTES_MAX = 8_192
const BODY_BYTES_MAX = 65_536
const REQUESTS_PER_SOCKET_MAX = 1_000
/** Of a body that is noted in an audit line. */
const AUDITED_BYTES_MAX = 1_024

/** Whether the gateway serves connections, and if not, what is missing. */
export type Readiness = { readonly ready: boolean } & Readonly<Record<string, unknown>>

type AdminOptions = Pick<Place, 'address' | 'port'> &
  Partial<Place> & {
    /** Host names that requests may use beside this machine's own. */
    readonly hosts?: readonly string[]
    /** Whether other users may open the UNIX socket: the authority decides. */
    readonly isForOthers?: boolean
    /** A descriptor that listens there already; by default it is opened. */
    readonly inherited?: number | undefined
    readonly readiness: () => Readiness
    /** Adds the endpoints behind the guard. */
    readonly api?: (app: FastifyInstance, grantedTo: (request: FastifyRequest) => Granted) => Promise<void>
    /** Who may read and change; by default whoever the place lets in. */
    readonly authority?: Authority
    /** Called after each request that may have changed something. */
    readonly onChange?: (change: Change) => void
    /** Called with an error that an endpoint did not expect: our bug. */
    readonly onBug?: (error: unknown) => void
    readonly limits?: Partial<Limits>
    readonly refusals?: Refusals
  }

/** A request to change something, and what came of it. */
export type Change = {
  readonly who: string
  readonly from: string
  readonly method: string
  readonly path: string
  readonly status: number
  /** What it asked for, if that is short. */
  readonly body: unknown
}

export type Admin = Place & {
  readonly fd: number
  /** @param isHandedOver  Another process listens at the place: what was asked here is answered. */
  close(isHandedOver?: boolean): Promise<void>
}

type Handler = Parameters<NonNullable<FastifyServerOptions['serverFactory']>>[0]

/** Listens; rejects with the kernel's error if that fails. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { address, port, socket = '', isForOthers, inherited, api } = options
  const { authority = new Authority(null), refusals = new Refusals() } = options
  const http = createParser()
  let answer: Handler = () => {}
  const places = new Places(http, {
    limits: { ...LIMITS, ...options.limits },
    refusals,
    isUnix: socket !== '',
    isProbe: ({ url = '' }) => PROBES.has(pathOf(url)),
    answer: (request, response) => answer(request, response),
  })
  const serverFactory = (handler: Handler): Server => {
    answer = handler
    return http
  }
  const { app, grantedTo } = createApp({ ...options, authority, refusals }, serverFactory, places)
  if (api) await app.register(app => api(app, grantedTo))
  await authority.open()
  await app.ready()
  const listener = createListener({ allowHalfOpen: true, noDelay: true }, caller => places.admit(caller))
  /** Another process listens at the place. */
  let isElsewhere = false
  const { where, remove } = await listen(listener, { address, port, socket }, { isForOthers, inherited })
  return {
    ...where,
    fd: descriptorOf(listener),
    close: async (isHandedOver = false) => {
      const closed = close(listener)
      if (isHandedOver) places.retire()
      else places.close()
      if (!isHandedOver && !isElsewhere) remove()
      isElsewhere ||= isHandedOver
      refusals.close()
      await closed
    },
  }
}

/** What answers requests: the probes, and behind the guard whatever is added; who may do what. */
function createApp(
  options: AdminOptions & { readonly authority: Authority; readonly refusals: Refusals },
  serverFactory: (handler: Handler) => Server,
  places: Places,
): { readonly app: FastifyInstance; readonly grantedTo: (request: FastifyRequest) => Granted } {
  const { authority, refusals, hosts = [], readiness, onBug, onChange } = options
  const granted = new WeakMap<FastifyRequest, Granted>()
  const app = Fastify({
    serverFactory,
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: true,
    return503OnClosing: false,
    schemaController: lateSchemas(),
    // Values keep the types of the JSON. A query has only text: readQuery converts it by the
    // schema.
    // A test holds our schemas to JSON Schema: here that would take a tenth of a start.
    ajv: {
      customOptions: {
        validateSchema: false,
        removeAdditional: false,
        coerceTypes: false,
        allErrors: false,
      },
    },
    frameworkErrors: (error, _request, reply) => fail(error, reply),
    clientErrorHandler: (error, gate) => refuseBytes(error, gate, places),
  })
  const methods = methodsByPath(app)
  const checkGuard = guard(hosts)
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error, _request, reply) => fail(error, reply))
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    const path = pathOf(request.url)
    if (!PROBES.has(path)) {
      await checkGuard(request)
      if (!isPageFile(request)) granted.set(request, await authorize(request))
    } else if (hasBody(request.raw)) void reply.header('connection', 'close') // not waited for
    if (request.is404) throw misplaced(request, reply, path, methods)
  })
  app.addHook('preValidation', readQuery)
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' && payload.startsWith('{') ? `${payload}\n` : payload,
  )
  addProbes(app, readiness)
  if (onChange) app.addHook('onResponse', async (request, { statusCode }) => audit(request, statusCode))
  return { app, grantedTo: request => granted.get(request) ?? NOBODY }

  async function authorize(request: FastifyRequest): Promise<Granted> {
    const grant = await authority.granted(request, callerOf(request))
    authority.check(request, grant)
    return grant
  }

  /** What the guard has refused is counted instead (refusals.ts). */
  function audit(request: FastifyRequest, status: number): void {
    const grant = granted.get(request)
    if (grant === undefined || READING.has(request.method)) return
    const { method, headers } = request
    const isShort = Number(headers['content-length'] ?? 0) <= AUDITED_BYTES_MAX
    const { from } = callerOf(request)
    const body = isShort ? (request.body ?? null) : null
    onChange?.({ who: grant.who, from, method, path: pathOf(request.url), status, body })
  }

  function fail(error: unknown, reply: FastifyReply): FastifyReply {
    const problem = problemOf(error, reply.request.routeOptions?.bodyLimit ?? BODY_BYTES_MAX)
    if (problem === null) onBug?.(error)
    else if (isRefusal(problem.code)) refusals.count(problem.code)
    const { status, body } = problem ?? new Problem(500, 'bug', 'internal error', 'see its log')
    if (hasBody(reply.request.raw)) void reply.header('connection', 'close') // not waited for
    return reply.code(status).headers(HEADERS).send(body)
  }
}

const NOBODY: Granted = { who: '', role: 'none', byToken: false }

const callerOf = ({ raw }: FastifyRequest): Caller => (raw.socket as unknown as { caller: Caller }).caller // gate.ts

/** The page's own files say nothing of the gateway. */
const isPageFile = ({ routeOptions }: FastifyRequest): boolean =>
  (routeOptions.schema as { hide?: boolean } | undefined)?.hide === true

/** Parses and writes; it does not listen, and places.ts keeps the time limits. */
function createParser(): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: 0,
    requestTimeout: 0,
    requireHostHeader: false,
  })
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

const pathOf = (url: string): string => url.split('?', 1)[0]

/** The methods of each path; filled while endpoints are added. */
function methodsByPath(app: FastifyInstance): ReadonlyMap<string, Set<string>> {
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    methods.set(url, known)
    for (const each of [method].flat()) known.add(each)
  })
  return methods
}

/** An unknown path, or a wrong method. */
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

const HEADER_TOO_LARGE = new Problem(
  431,
  'header-too-large',
  `headers are larger than ${HEADER_BYTES_MAX} bytes`,
)
const NOT_HTTP = new Problem(400, 'not-http', 'this is not an HTTP request')

/** Bytes that are no HTTP request. */
function refuseBytes({ code }: NodeJS.ErrnoException, gate: Socket, places: Places): void {
  if (code === 'ECONNRESET' || !gate.writable) gate.destroy()
  else places.refuse(gate, code === 'HPE_HEADER_OVERFLOW' ? HEADER_TOO_LARGE : NOT_HTTP)
}
