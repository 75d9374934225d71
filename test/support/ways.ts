/**
 * Ways to the upstream: in the clear, or with TLS before weir, behind it, or on both sides. Tests
 * of the relay run in each of them, with the same expectations. Sockets are those of sockets.ts, or
 * TLS over one of these.
 */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import type { EngineLimits } from '../../src/engine/decide/decide.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { ENGINES, type EngineUnderTest, EVERY_ENGINE, FULL_ENGINES, TestEngine } from './engine.ts'
import { fullOnly } from './full.ts'
import { begin, listen, type TestServer } from './sockets.ts'
import { AUTHORITY, SECRETS, SERVER, SERVER_NAME, serverOf, upstreamOf } from './tls.ts'

type ListenOptions = Parameters<typeof listen>[1]
type ClientOptions = Parameters<typeof begin>[2]

const SERVED = createSecureContext({ cert: SERVER.cert, key: SERVER.key })
const TRUSTED = createSecureContext({ ca: AUTHORITY.cert })

export class Way {
  /** For a test's title, after the engine's name. */
  readonly name: string
  /** Whether clients speak TLS to weir, and weir to upstreams. */
  readonly isIn: boolean
  readonly isOut: boolean

  constructor(name: string, isIn: boolean, isOut: boolean) {
    this.name = name
    this.isIn = isIn
    this.isOut = isOut
  }

  /** A server, as `listen` of sockets.ts. */
  async listen(onSocket: (socket: Socket) => void, options?: ListenOptions): Promise<TestServer> {
    if (!this.isOut) return listen(onSocket, options)
    const server = await listen(raw => {
      const socket = over(raw, new TLSSocket(raw, { isServer: true, secureContext: SERVED }))
      server.sockets.delete(raw)
      server.sockets.add(socket)
      socket.on('close', () => server.sockets.delete(socket))
      onSocket(socket)
    }, options)
    return server
  }

  /** A client whose connection is only begun, as `begin` of sockets.ts. */
  begin(port: number, host?: string, options?: ClientOptions): Socket {
    const raw = begin(port, host, options)
    if (!this.isIn) return raw
    return over(raw, connect({ socket: raw, secureContext: TRUSTED, servername: SERVER_NAME }))
  }

  /** A client whose handshake is made, as `open` of sockets.ts. */
  async open(port: number, host?: string, options?: ClientOptions): Promise<Socket> {
    const socket = this.begin(port, host, options)
    await once(socket, this.isIn ? 'secureConnect' : 'connect').catch(error => {
      if (error.code !== 'ECONNRESET') throw error
    })
    return socket
  }

  /** A data plane whose every listener and cluster has this way's TLS. */
  engine(kind: EngineKind, workers = 1, limits: Partial<EngineLimits> = {}): TestEngine {
    const plane = new SecuredEngine(kind, workers, limits)
    plane.way = this
    plane.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
    return plane
  }

  around(plan: Plan): Plan {
    const secured = { takes: { names: ['*'], plain: false }, tls: serverOf() }
    const listeners = plan.listeners.map(each => {
      const scopes = each.scopes.map(scope => ({ ...scope, ...secured }))
      return scopes.length > 0 ? { ...each, reads: 'tls' as const, scopes } : each
    })
    const clusters = plan.clusters.map(each => ({ ...each, tls: upstreamOf() }))
    return {
      ...plan,
      ...(this.isIn && { listeners }),
      ...(this.isOut && { clusters }),
    }
  }
}

class SecuredEngine extends TestEngine {
  way: Way = PLAIN

  override adopt(plan: Plan): ReturnType<TestEngine['adopt']> {
    return super.adopt(this.way.around(plan))
  }
}

/** A reset is the socket's own. */
function over(raw: Socket, socket: TLSSocket): TLSSocket {
  socket.on('error', () => {})
  socket.resetAndDestroy = () => {
    raw.resetAndDestroy()
    socket.destroy()
    return socket
  }
  return socket
}

export const PLAIN = new Way('', false, false)
const BOTH = new Way(', TLS in and out', true, true)
const HALVES = [new Way(', TLS in', true, false), new Way(', TLS out', false, true)]

/** An engine, and a way to the upstream through it. */
export type WayUnderTest = EngineUnderTest & { readonly way: Way }

const on = (engines: readonly EngineUnderTest[], way: Way): WayUnderTest[] =>
  engines.map(each => ({ ...each, way }))

const halves = fullOnly === false ? HALVES.flatMap(way => on(FULL_ENGINES, way)) : []

/** Each engine in the clear, always; TLS on one of them in `npm test`, on both sides. */
export const EVERY_WAY: readonly WayUnderTest[] = [
  ...on(EVERY_ENGINE, PLAIN),
  ...on(ENGINES, BOTH),
  ...halves,
]

/** For tests of which `npm test` tries one engine. */
export const WAYS: readonly WayUnderTest[] = [...on(ENGINES, PLAIN), ...on(ENGINES, BOTH), ...halves]
