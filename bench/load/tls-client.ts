/**
 * The load over TLS: what client.ts does, by node:tls, in a closed loop. A handshake costs its
 * clients more than the proxy, so rates say little; the proxy's CPU is what is compared.
 *
 *   connections  connect ─▶ handshake ─▶ ask ─▶ reply ─▶ the end of the stream, and again
 *   requests     handshakes once, then ask ─▶ reply ─▶ ask …
 *   bulk         one request for many mebibytes, or one that sends them
 *
 * An end without close_notify, a reply with other bytes, a full handshake where one was to be
 * resumed, and another key exchange than the first of those offered are failures.
 */

import { once } from 'node:events'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { build } from 'hdr-histogram-js'
import { assert } from '../../src/base/assert.ts'
import { monotonicMs } from '../../src/base/clock.ts'
import { ladderOf } from '../ladder.ts'
import type { LoadJob, Outcome, TlsTerms } from './job.ts'
import { BLOCK_BYTES, type Header, isBlock, MESSAGE_BYTES, writeBlock, writeMessage } from './message.ts'

const SILENT_MS_MAX = 20_000
const FAILED_MAX = 1_000
const PIECE_BYTES = 1 << 16

/** By node:tls, without a look at the certificate, which is the same for everybody. */
export function connectTls(port: number, context: SecureContext, session?: Buffer): TLSSocket {
  return connect({
    port,
    host: '127.0.0.1',
    secureContext: context,
    servername: 'server.example',
    rejectUnauthorized: false,
    ...(session && { session }),
  }).setNoDelay()
}

export const contextOf = ({ version, groups }: Pick<TlsTerms, 'version' | 'groups'>): SecureContext =>
  createSecureContext({ minVersion: version, maxVersion: version, ecdhCurve: groups })

export function loadTls(job: LoadJob, terms: TlsTerms): Promise<Outcome> {
  assert(job.perSecond === 0 && !job.opening, 'what clients of TLS cannot do')
  return new TlsLoad(job, terms).run()
}

class TlsLoad {
  readonly #job: LoadJob
  readonly #terms: TlsTerms
  readonly #context: SecureContext
  readonly #latency = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 1e11,
    numberOfSignificantValueDigits: 3,
  })
  #session: Buffer | undefined
  #endMs = 0
  #done = 0
  #failed = 0
  #wrong = 0

  constructor(job: LoadJob, terms: TlsTerms) {
    this.#job = job
    this.#terms = terms
    this.#context = contextOf(terms)
  }

  async run(): Promise<Outcome> {
    const { kind, clients, durationMs } = this.#job
    if (this.#terms.resumes) this.#session = await this.#newSession()
    const numbers = Array.from({ length: clients }, (_, client) => client)
    const kept = kind === 'requests' ? await Promise.all(numbers.map(client => this.#keep(client))) : []
    const startedMs = monotonicMs()
    this.#endMs = startedMs + durationMs
    await Promise.all(
      numbers.map(client => {
        if (kind === 'requests') return this.#askOn(kept[client], client)
        return kind === 'bulk' ? this.#move(client) : this.#connectOn(client)
      }),
    )
    const elapsedMs = monotonicMs() - startedMs
    for (const socket of kept) socket.destroy()
    const at = (percentile: number): number => this.#latency.getValueAtPercentile(percentile)
    return {
      done: this.#done,
      failed: this.#failed,
      wrong: this.#wrong,
      unanswered: 0,
      elapsedMs,
      latencyNs: { p50: at(50), p99: at(99), 'p99.9': at(99.9) },
      ladder: ladderOf(this.#latency),
    }
  }

  /** A ticket, which may be shown more than once: no data goes with it early (RFC 8446 §8). */
  async #newSession(): Promise<Buffer> {
    const socket = this.#connect()
    const got = once(socket, 'session') as Promise<[Buffer]>
    await this.#ask(socket, { client: 0, sequence: 1, mebibytes: 0, closes: false })
    const [session] = await got
    socket.destroy()
    return session
  }

  #connect(): TLSSocket {
    const socket = connectTls(this.#job.port, this.#context, this.#session)
    socket.on('error', () => {}) // whoever waits hears of it
    return socket.setTimeout(SILENT_MS_MAX, () => socket.destroy(new Error('silent')))
  }

  async #connectOn(client: number): Promise<void> {
    for (let sequence = 1; monotonicMs() < this.#endMs && this.#failed < FAILED_MAX; sequence++)
      await this.#counted(async () => {
        const socket = this.#connect()
        await this.#ask(socket, { client, sequence, mebibytes: 0, closes: true })
        assert(this.#isAsAsked(socket), 'another handshake than it was to be')
        if (!socket.readableEnded) await once(socket, 'end')
        if (!socket.closed) await once(socket, 'close')
      })
  }

  #isAsAsked(socket: TLSSocket): boolean {
    const { resumes, groups } = this.#terms
    if (resumes) return socket.isSessionReused()
    const { name = groups } = socket.getEphemeralKeyInfo() as { readonly name?: string } // none of ML-KEM
    return groups.startsWith(name)
  }

  async #keep(client: number): Promise<TLSSocket> {
    const socket = this.#connect()
    await this.#ask(socket, { client, sequence: 1, mebibytes: 0, closes: false })
    return socket
  }

  async #askOn(socket: TLSSocket, client: number): Promise<void> {
    for (let sequence = 2; monotonicMs() < this.#endMs && !socket.destroyed; sequence++)
      await this.#counted(() => this.#ask(socket, { client, sequence, mebibytes: 0, closes: false }))
  }

  async #move(client: number): Promise<void> {
    const { mebibytes } = this.#job
    await this.#counted(async () => {
      const socket = this.#connect()
      const takes = this.#terms.sends === true
      const reply = this.#ask(socket, { client, sequence: 1, mebibytes, closes: false, takes })
      if (takes) await send(socket, mebibytes * BLOCK_BYTES)
      await reply
      socket.destroy()
    })
  }

  async #counted(step: () => Promise<void>): Promise<void> {
    const startedMs = monotonicMs()
    try {
      await step()
      this.#done++
      this.#latency.recordValue(Math.round((monotonicMs() - startedMs) * 1e6))
    } catch {
      this.#failed++
    }
  }

  /** Until the whole reply is there. */
  #ask(socket: TLSSocket, header: Header): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const words = new Uint32Array(MESSAGE_BYTES / 4)
    writeMessage(words, 0, header)
    const request = Buffer.from(words.buffer)
    const isLong = header.mebibytes > 0 && !header.takes
    const wanted = isLong ? header.mebibytes * BLOCK_BYTES : MESSAGE_BYTES
    let received = 0
    const onData = (data: Buffer): void => {
      if (
        !(isLong ? isRight(data, received) : data.equals(request.subarray(received, received + data.length)))
      )
        this.#wrong++
      received += data.length
      if (received >= wanted) resolve()
    }
    const onError = (error: Error): void => reject(error)
    const onClose = (): void => reject(new Error('closed without a reply'))
    socket.on('data', onData).on('error', onError).on('close', onClose)
    socket.write(request)
    return promise.finally(() => {
      socket.off('data', onData).off('error', onError).off('close', onClose)
      socket.resume() // or its end would not be seen
    })
  }
}

/** As isBlock, of bytes that stand where they came: of those at odd places only the first word. */
function isRight(data: Buffer, position: number): boolean {
  const skipped = -(data.byteOffset + ((4 - (position & 3)) & 3)) & 3
  if (skipped !== 0 || (position & 3) !== 0) return isRightSlowly(data, position)
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length >> 2)
  return isBlock(words, 0, position, data.length & ~3)
}

function isRightSlowly(data: Buffer, position: number): boolean {
  const first = (4 - (position & 3)) & 3
  const words = (data.length - first) >> 2
  const word = (((position + first) % BLOCK_BYTES) / 4) | 0
  return words < 1 || data.readUInt32LE(first) === word
}

async function send(socket: TLSSocket, bytes: number): Promise<void> {
  const block = new Uint32Array(BLOCK_BYTES / 4)
  writeBlock(block, 0)
  const all = Buffer.from(block.buffer)
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const from = at % BLOCK_BYTES
    if (socket.destroyed) return
    if (!socket.write(all.subarray(from, from + PIECE_BYTES))) await drained(socket)
  }
}

/** Or over. */
function drained(socket: TLSSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const over = (): void => resolve()
  socket.once('drain', over).once('close', over)
  return promise.finally(() => socket.off('drain', over).off('close', over))
}
