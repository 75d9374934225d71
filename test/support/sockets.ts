/**
 * Sockets for tests: servers on free ports of 127.0.0.1, clients, byte sources, and waiting for
 * what happens to them. Everything is closed by `using`, or by the test's end.
 */

import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export { freePort } from '../../bench/load/free-port.ts'

/** A server whose every socket is known, so that it can be closed. */
export type TestServer = {
  readonly server: Server
  readonly address: string
  readonly port: number
  readonly sockets: Set<Socket>
  /** How many connections it has ever accepted. */
  accepted: number
  [Symbol.asyncDispose](): Promise<void>
}

export async function listen(
  onSocket: (socket: Socket) => void,
  { host = '127.0.0.1', port = 0, backlog = 511 } = {},
): Promise<TestServer> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const sockets = new Set<Socket>()
  const result: TestServer = {
    server,
    sockets,
    address: host,
    port: 0,
    accepted: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise(resolve => server.close(resolve))
    },
  }
  server.on('connection', socket => {
    result.accepted++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {}) // the tests that expect one look at it themselves
    onSocket(socket)
  })
  server.listen({ host, port, backlog })
  await once(server, 'listening')
  return Object.assign(result, { port: (server.address() as AddressInfo).port })
}

/** Sends back what comes, then the end. */
export const echo = (socket: Socket): void => void socket.pipe(socket)

/** Says its name and ends, whatever the client does. */
export const say =
  (text: string) =>
  (socket: Socket): void => {
    socket.resume()
    socket.end(text)
  }

/** Says its name and stays open until the client ends. */
export const greet =
  (text: string) =>
  (socket: Socket): void => {
    socket.write(text)
    socket.resume()
    socket.on('end', () => socket.end())
  }

type ClientOptions = {
  readonly highWaterMark?: number
  readonly localPort?: number
  readonly localAddress?: string
}

/**
 * A client whose connection stood. Where the other side resets it at once, Node may report the
 * reset instead of the connection (Linux completes connect(2), then SO_ERROR holds ECONNRESET): the
 * socket is handed over all the same, and `ending`, `consume` and their like report how it ended.
 */
export async function open(port: number, host = '127.0.0.1', options: ClientOptions = {}) {
  const socket = begin(port, host, options)
  await once(socket, 'connect').catch(error => {
    if (error.code !== 'ECONNRESET') throw error
  })
  return socket
}

/** Waits until it is known whether a connection is established. */
export async function begun(socket: Socket): Promise<void> {
  if (socket.connecting) await once(socket, 'connect').catch(() => {})
}

/** A client whose connection is only begun; its errors never throw. */
export function begin(port: number, host = '127.0.0.1', options: ClientOptions = {}): Socket {
  const socket = connect({
    port,
    host,
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: false,
    ...options,
  })
  socket.on('error', () => {})
  return socket
}

/**
 * Hands over each chunk until the end; rejects where the connection is reset. Leaves writing open.
 */
export async function consume(socket: Socket, onChunk: (chunk: Buffer) => void): Promise<void> {
  if (socket.errored) throw socket.errored
  if (socket.readableEnded) return
  socket.on('data', onChunk)
  await once(socket, 'end')
}

/** Everything that comes until the end, as text; rejects where the connection is reset. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  await consume(socket, chunk => chunks.push(chunk))
  return Buffer.concat(chunks).toString()
}

/** The next `length` bytes, or what came before the end; what comes after them stays unread. */
export async function readBytes(socket: Socket, length: number): Promise<string> {
  let text = ''
  while (text.length < length && !socket.readableEnded) {
    if (socket.errored) throw socket.errored
    const chunk: Buffer | null = socket.read(Math.min(length - text.length, socket.readableLength || 1))
    if (chunk) text += chunk.toString('latin1')
    else await Promise.race([once(socket, 'readable'), once(socket, 'end')])
  }
  return text
}

/**
 * How a connection ended: 'end' in order, or the code of its error. Reads and drops what comes. A
 * reset is one, too, where Node meets it by writing (EPIPE), as a TLS client does; in a handshake
 * Node tells of an end before it tells of the error.
 */
export function ending(socket: Socket): Promise<string> {
  const codeOf = ({ code = 'unknown' }: NodeJS.ErrnoException) => (code === 'EPIPE' ? 'ECONNRESET' : code)
  const ended = socket.errored as NodeJS.ErrnoException | null
  if (ended) return Promise.resolve(codeOf(ended))
  if (socket.readableEnded || socket.closed) return Promise.resolve(socket.readableEnded ? 'end' : 'close')
  return new Promise(resolve => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(codeOf(error)))
    socket.on('end', () => {
      if (!isHandshaking(socket)) resolve('end')
    })
    socket.on('close', () => resolve('close'))
    socket.resume()
  })
}

const isHandshaking = (socket: Socket & { readonly secureConnecting?: boolean }): boolean =>
  socket.secureConnecting === true

/** Bytes that are the same for the same seed and never repeat in step with a buffer. */
export function* bytes(seed: number, total: number, chunkBytes = 65_521): Generator<Buffer> {
  const words = new Uint32Array(16_384)
  let state = seed >>> 0 || 1
  for (let sent = 0; sent < total; ) {
    for (let word = 0; word < words.length; word++) {
      state ^= state << 13 // xorshift32 (Marsaglia, 2003)
      state ^= state >>> 17
      state ^= state << 5
      words[word] = state
    }
    const length = Math.min(chunkBytes, total - sent)
    sent += length
    yield Buffer.copyBytesFrom(new Uint8Array(words.buffer, 0, length))
  }
}

/** Writes all bytes with back-pressure and ends; resolves with their SHA-256. */
export async function send(socket: Socket, source: Iterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for (const chunk of source) {
    hash.update(chunk)
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  return hash.digest('hex')
}

/** Reads until the end; resolves with the SHA-256 of what came. */
export async function digest(socket: Socket, hash: Hash = createHash('sha256')): Promise<string> {
  await consume(socket, chunk => hash.update(chunk))
  return hash.digest('hex')
}

/** No test takes longer (run.ts). */
const LOOKED_MS_MAX = 180_000

/**
 * Looks every few milliseconds until `condition` holds: for what sends no event, like shared
 * memory. It gives up after the time of a test, or one that is over would hold its process; `found`
 * is then told, too.
 */
export async function until(condition: () => boolean, found = (): string => ''): Promise<void> {
  for (const startMs = performance.now(); !condition(); await pause(3))
    assert.ok(performance.now() - startMs < LOOKED_MS_MAX, `never so: ${condition} ${found()}`)
}

/**
 * Waits until a count has stopped growing: shows that something does not continue. A starved thread
 * does not continue either; so a test that needs more passes `isSo`.
 */
export async function stalled(count: () => number, isSo: () => boolean = () => true): Promise<void> {
  for (let last = -1; last !== count() || !isSo(); ) {
    last = count()
    await pause(100)
  }
}
