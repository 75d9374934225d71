/**
 * TCP as its users see it: streams with room for so many bytes, ends, resets, and listeners with a
 * queue.
 *
 * A direction has one room for what is under way and what was received, so a reader that stops
 * stops the writer. Nothing is lost or out of order: segments are the real kernel's to worry about.
 */

import { Errno } from '../../src/kernel/errno.ts'
import type { Clock } from './clock.ts'
import type { Dice } from './dice.ts'
import type { Faults } from './faults.ts'
import { nameText } from './names.ts'
import { type Listener, Socket, Stream } from './sockets.ts'
import { findOut } from './vanishing.ts'

const GIVEN_UP_MS = 1000

/** What answers a connect from the gateway. */
export type Server = (socket: Socket) => void

export class Network {
  readonly listeners: Listener[] = []
  readonly servers = new Map<string, Server>()
  /** Servers that refuse connects now, or leave them without an answer. */
  readonly refusing = new Set<string>()
  readonly silent = new Set<string>()
  readonly #clock: Clock
  readonly #dice: Dice
  readonly #faults: Faults
  readonly #latencyMs: number
  readonly #capacity: number

  constructor(clock: Clock, dice: Dice, faults: Faults, options: { latencyMs: number; capacity: number }) {
    this.#clock = clock
    this.#dice = dice
    this.#faults = faults
    this.#latencyMs = options.latencyMs
    this.#capacity = options.capacity
  }

  delay(): number {
    return this.#latencyMs === 0 || this.#dice.chance(0.3)
      ? 0
      : this.#dice.below(this.#latencyMs * 1000) / 1000
  }

  /** A client connects: false where nobody listens. It may write at once. */
  connect(client: Socket): boolean {
    const listener = this.#listenerFor(client)
    if (listener === null) return false
    const accepted = new Socket(client.remote, client.local)
    this.#pair(client, accepted)
    Object.assign(accepted.tuning, listener.tuning)
    listener.queue.push(accepted)
    listener.onChange()
    return true
  }

  /** The gateway connects to `socket.remote`; `done` is told 0 or −errno, or never anything. */
  dial(socket: Socket, done: (result: number) => void): void {
    const faults = this.#faults
    const server = this.#serverAt(nameText(socket.remote))
    if (this.silent.has(nameText(socket.remote)) || faults.strikes('blackhole')) return
    this.#clock.in(this.delay(), () => {
      if (socket.closed || socket.broken) return
      if (server === undefined) {
        done(-Errno.ECONNREFUSED)
        return
      }
      if (faults.strikes('connectFails')) {
        done(-this.#dice.pick(CONNECT_ERRORS))
        return
      }
      const accepted = new Socket(socket.remote, socket.local)
      this.#pair(socket, accepted)
      server(accepted)
      this.#clock.in(this.delay(), () => done(socket.broken ? socket.takeError(Errno.ECONNRESET) : 0))
    })
  }

  /** Whether a connect would succeed; `done` is never told where it would have no answer. */
  knock(name: string, done: (isThere: boolean) => void): void {
    if (this.silent.has(name) || this.#faults.strikes('blackhole')) return
    const isThere = this.#serverAt(name) !== undefined && !this.#faults.strikes('connectFails')
    this.#clock.in(this.delay(), () => done(isThere))
  }

  #serverAt(name: string): Server | undefined {
    return this.refusing.has(name) ? undefined : this.servers.get(name)
  }

  /** Writes what there is room for: how many bytes, or −errno. */
  write(socket: Socket, bytes: Uint8Array): number {
    if (socket.error !== 0 || socket.broken) return socket.takeError(Errno.EPIPE)
    if (socket.outgoing.ended) return -Errno.EPIPE
    const { outgoing: out } = socket
    const count = Math.min(bytes.length, out.room)
    if (count === 0) return 0
    const chunk = bytes.slice(0, count)
    out.flying += count
    if (socket.peer?.isDark && socket.unheardMs === 0) socket.unheardMs = this.#clock.nowMs
    this.#inOrder(out, () => {
      const to = socket.peer as Socket
      if (to.isDark) return
      out.flying -= count
      if (to.closed) this.#reset(to)
      if (to.closed || to.broken) return
      out.chunks.push(chunk)
      out.queued += count
      to.onChange()
    })
    return count
  }

  /** Reads up to `most` bytes into `target`: how many, 0 at the end, −EAGAIN, −errno. */
  read(socket: Socket, target: Uint8Array, most: number): number {
    const from = socket.incoming
    if (from === undefined) return -Errno.ENOTCONN
    let count = 0
    while (count < most && from.chunks.length > 0) {
      const chunk = from.chunks[0]
      const part = Math.min(chunk.length, most - count)
      target.set(part === chunk.length ? chunk : chunk.subarray(0, part), count)
      if (part === chunk.length) from.chunks.shift()
      else from.chunks[0] = chunk.subarray(part)
      count += part
    }
    if (count > 0) {
      from.queued -= count
      const { peer } = socket
      if (peer !== null) this.#clock.in(0, () => peer.onChange())
      return count
    }
    if (socket.error !== 0) return socket.takeError(0)
    if (socket.broken || from.heardEnd) return 0
    return -Errno.EAGAIN
  }

  /** Says that no more comes. */
  end(socket: Socket): void {
    if (socket.outgoing === undefined || socket.outgoing.ended || socket.broken) return
    socket.outgoing.ended = true
    this.#inOrder(socket.outgoing, () => {
      const to = socket.peer as Socket
      socket.outgoing.heardEnd = true
      if (!to.closed && !to.isDark) to.onChange()
    })
    if (socket.peer?.isDark && socket.unheardMs === 0) socket.unheardMs = this.#clock.nowMs
  }

  /** Nobody has it any more: an end, or a reset where something was not read. */
  close(socket: Socket): void {
    if (socket.closed) return
    socket.closed = true
    if (socket.peer === null || socket.broken) return
    if (socket.incoming.queued > 0) this.#reset(socket)
    else this.end(socket)
  }

  /** Resets at once: both ends are broken from now on, the other one a little later. */
  abort(socket: Socket): void {
    if (socket.peer !== null && !socket.broken) this.#reset(socket)
    this.#break(socket, Errno.ECONNRESET, true)
  }

  /** The kernel gives the peer up, which nobody tells; it does the same a while later. */
  giveUp(socket: Socket, error: number): void {
    if (socket.broken || socket.closed) return
    this.#break(socket, error, false)
    const { peer } = socket
    this.#clock.in(GIVEN_UP_MS, () => {
      if (peer && !peer.broken && !peer.closed) this.#break(peer, Errno.ETIMEDOUT, false)
    })
  }

  /** A peer of the gateway is gone, without a word. */
  vanish(socket: Socket): void {
    const { peer } = socket
    socket.isDark = true
    if (peer === null) return
    if (peer.outgoing.flying > 0) peer.unheardMs = this.#clock.nowMs
    findOut(this.#clock, peer, error => this.#break(peer, error, false))
  }

  closeListener(listener: Listener): void {
    listener.closed = true
    this.listeners.splice(this.listeners.indexOf(listener), 1)
    for (const socket of listener.queue.splice(0)) this.abort(socket)
  }

  #pair(one: Socket, other: Socket): void {
    one.peer = other
    other.peer = one
    one.outgoing = other.incoming = new Stream(this.#capacity)
    one.incoming = other.outgoing = new Stream(this.#capacity)
    one.stood = other.stood = true
  }

  #reset(socket: Socket): void {
    const to = socket.peer as Socket
    const tell = () => {
      if (to.broken || to.closed || to.isDark) return
      // After the other side's end it is EPIPE (tcp_reset, net/ipv4/tcp_input.c).
      this.#break(
        to,
        to.incoming.heardEnd ? Errno.EPIPE : Errno.ECONNRESET,
        this.#faults.strikes('resetDrops'),
      )
    }
    if (this.#dice.chance(0.5)) this.#inOrder(socket.outgoing, tell)
    else this.#clock.in(this.delay(), tell)
  }

  #break(socket: Socket, error: number, drops: boolean): void {
    if (!socket.broken) socket.error = error
    socket.broken = true
    if (drops && socket.incoming !== undefined) {
      socket.incoming.chunks.length = 0
      socket.incoming.queued = 0
    }
    socket.onChange()
  }

  #inOrder(stream: Stream, run: () => void): void {
    stream.lastMs = Math.max(stream.lastMs, this.#clock.nowMs + this.delay())
    this.#clock.at(stream.lastMs, run)
  }

  /**
   * Of the sockets that share an address, the kernel takes one by a hash of the client's; the
   * specific one first.
   */
  #listenerFor(client: Socket): Listener | null {
    const { remote } = client
    const fits = this.listeners.filter(each => each.name.port === remote.port)
    const same = fits.filter(each => !each.isWild && nameText(each.name) === nameText(remote))
    const wild = fits.filter(each => each.isWild && (each.name.family === remote.family || each.dual))
    const group = same.length > 0 ? same : wild
    return group.length > 0 ? group[client.local.port % group.length] : null
  }
}

const CONNECT_ERRORS = [
  Errno.ECONNREFUSED,
  Errno.ETIMEDOUT,
  Errno.EHOSTUNREACH,
  Errno.ENETUNREACH,
  Errno.EADDRNOTAVAIL,
  Errno.EADDRINUSE,
  Errno.ECONNRESET,
]
