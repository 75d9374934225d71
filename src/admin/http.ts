/**
 * The admin listener: whether this process lives, and whether it is ready for connections.
 *
 * Two read-only paths, for probes of Kubernetes and load balancers; neither asks who calls nor under
 * which name, as kubelet calls by address. Every limit is tight, since a probe needs nothing long.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const HEADER_BYTES_MAX = 4_096
const REQUEST_MS_MAX = 5_000
const CONNECTIONS_MAX = 64
const REQUESTS_PER_SOCKET_MAX = 1_000

/** Whether connections are served, and if not, what is missing. */
export type Readiness = { readonly ready: boolean } & Readonly<Record<string, unknown>>

export type AdminOptions = {
  readonly address: string
  readonly port: number
  readonly readiness: () => Readiness
}

export type Admin = { readonly address: string; readonly port: number; close(): Promise<void> }

/** Listens; rejects with the kernel's error where that fails. */
export async function startAdmin({ address, port, readiness }: AdminOptions): Promise<Admin> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: REQUEST_MS_MAX,
      connectionsCheckingInterval: REQUEST_MS_MAX,
      requireHostHeader: false,
    },
    (request, response) => answer(request, response, readiness),
  )
  server.maxConnections = CONNECTIONS_MAX
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX
  await listen(server, address, port)
  const bound = server.address() as AddressInfo
  return { address: bound.address, port: bound.port, close: () => close(server) }
}

function answer(request: IncomingMessage, response: ServerResponse, readiness: () => Readiness): void {
  const path = (request.url ?? '').split('?', 1)[0]
  const reply = replyTo(path, request.method, readiness)
  if (reply.status === 405) response.setHeader('allow', 'GET, HEAD')
  send(request, response, reply)
}

type Reply = { readonly status: number; readonly body: object }

function replyTo(path: string, method: string | undefined, readiness: () => Readiness): Reply {
  const page = PAGES.get(path)
  if (!page) return { status: 404, body: { error: `there is only ${[...PAGES.keys()].join(' and ')}` } }
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, body: { error: `${path} takes GET and HEAD only` } }
  }
  return page(readiness)
}

const PAGES = new Map<string, (readiness: () => Readiness) => Reply>([
  ['/healthz', () => ({ status: 200, body: { alive: true } })],
  ['/ready', readiness => replyReady(readiness())],
])

const replyReady = (body: Readiness): Reply => ({ status: body.ready ? 200 : 503, body })

/** A request with a body is answered without waiting for it: the connection closes instead. */
function send(request: IncomingMessage, response: ServerResponse, { status, body }: Reply): void {
  const text = `${JSON.stringify(body)}\n`
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  if (hasBody) response.setHeader('connection', 'close')
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}

function listen(server: Server, address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, ...(address === '' ? {} : { host: address }) }, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
