/**
 * The server behind every proxy: answers as message.ts describes, on one ring, in its own thread.
 *
 * accept ─▶ receive 64 bytes ─▶ send the reply ─▶ receive … or close, if the request says so
 *
 * Mebibytes that follow a request are counted, not compared.
 * A connection has one operation in flight at a time, so its descriptor identifies it.
 */

import type { MessagePort } from 'node:worker_threads'
import { assert } from '../../src/base/assert.ts'
import { Arena } from '../../src/kernel/arena.ts'
import { createSocketName } from '../../src/kernel/socket-address.ts'
import { closeSocket, Sockets } from '../../src/kernel/sockets.ts'
import { CQE_F_MORE, Cqe } from '../../src/kernel/uring/io-uring.ts'
import { prepareAccept, prepareRecv, prepareSend } from '../../src/kernel/uring/prepare.ts'
import type { Ring } from '../../src/kernel/uring/ring.ts'
import { closeRing, openRing } from '../../src/kernel/uring/ring-setup.ts'
import { Wake } from '../../src/kernel/uring/wake.ts'
import { operationOf, slotOf, subject } from '../../src/kernel/user-data.ts'
import { openWake } from '../../src/kernel/wake.ts'
import { LOOPBACK, opened } from './loopback.ts'
import { BLOCK_BYTES, closesAfter, MESSAGE_BYTES, mebibytesOf, takenAfter, writeBlock } from './message.ts'

const ACCEPT = 0
const STOP = 1
const RECEIVED = 2
const SENT = 3

/** A PROXY header of version 2 with IPv4 addresses and nothing else; its first word, as read. */
const PROXY_BYTES = 28
const PROXY_WORD = 0x0a0d0a0d

/**
 * A ClientHello's first bytes: a record of the handshake (22), version 3.1. No client has this
 * number.
 */
const HELLO_WORD = 0x010316
const RECORD_HEAD = 5
/** What is dropped at a time. */
const DROPPED_BYTES = 1 << 18

const BACKLOG = 4096
/** Descriptors at or above this are closed at once. */
const CONNECTIONS_MAX = 32_768

export type ServerTask = { readonly port: MessagePort }
/** Where the server listens, and the descriptor that stops it (kernel/wake.ts). */
export type Serving = { readonly tcpPort: number; readonly stopFd: number }

/** Serves until it is woken. */
export function serve({ port }: ServerTask): void {
  new Server().run(port)
}

class Server {
  readonly #arena = opened(Arena.map(CONNECTIONS_MAX * MESSAGE_BYTES + BLOCK_BYTES + DROPPED_BYTES + 65_536))
  readonly #ring: Ring = opened(openRing(this.#arena, { entries: 4096, completions: 16_384, roomEach: 1 }))
  readonly #sockets = new Sockets(this.#arena)
  readonly #messages = this.#arena.take(CONNECTIONS_MAX * MESSAGE_BYTES)
  readonly #block = this.#arena.take(BLOCK_BYTES)
  /** Receives bytes that are dropped. */
  readonly #dropped = this.#arena.take(DROPPED_BYTES)
  /** Bytes received of a request, and mebibytes of its reply still to send. */
  readonly #received = new Uint8Array(CONNECTIONS_MAX)
  readonly #left = new Uint32Array(CONNECTIONS_MAX)
  /** Bytes of a ClientHello, and of what follows a request, that are still to come. */
  readonly #hello = new Uint32Array(CONNECTIONS_MAX)
  readonly #taking = new Uint32Array(CONNECTIONS_MAX)
  readonly #open = new Uint8Array(CONNECTIONS_MAX)
  #listener = -1
  #ended = false

  run(port: MessagePort): void {
    writeBlock(this.#arena.u32, this.#block / 4)
    const name = createSocketName()
    this.#listener = opened(this.#sockets.listen(4, LOOPBACK, 0, { backlog: BACKLOG, dualStack: false }))
    opened(this.#sockets.localName(this.#listener, name))
    const stop = new Wake(this.#ring, opened(openWake()))
    stop.prepare(this.#ring, subject(0, STOP), 0)
    this.#accept()
    port.postMessage({ tcpPort: name.port, stopFd: stop.fd } satisfies Serving)
    while (!this.#ended) this.#turn()
    this.#close()
  }

  #turn(): void {
    const ring = this.#ring
    assert(ring.submitAndWait(-1) === 0, 'the server’s ring')
    for (let at = ring.reap(); at >= 0; at = ring.reap()) {
      const word = ring.cqes[at + Cqe.USER_DATA]
      const result = ring.cqes[at + Cqe.RES]
      const more = (ring.cqes[at + Cqe.FLAGS] & CQE_F_MORE) !== 0
      const operation = operationOf(word)
      if (operation === RECEIVED) this.#onReceived(slotOf(word), result)
      else if (operation === SENT) this.#onSent(slotOf(word), result)
      else if (operation === STOP) this.#ended = true
      else this.#onAccepted(result, more)
    }
  }

  #accept(): void {
    prepareAccept(this.#ring, this.#listener, subject(0, ACCEPT), 0)
  }

  #onAccepted(fd: number, more: boolean): void {
    if (!more) this.#accept()
    if (fd < 0) return
    if (fd >= CONNECTIONS_MAX) {
      closeSocket(fd)
      return
    }
    this.#open[fd] = 1
    this.#left[fd] = 0
    this.#hello[fd] = 0
    this.#taking[fd] = 0
    this.#receive(fd, 0)
  }

  #receive(fd: number, received: number): void {
    this.#received[fd] = received
    const dropped = Math.min(this.#hello[fd] || this.#taking[fd], DROPPED_BYTES)
    if (dropped > 0) {
      prepareRecv(this.#ring, fd, this.#dropped, dropped, subject(fd, RECEIVED), 0)
      return
    }
    const at = this.#messages + fd * MESSAGE_BYTES + received
    prepareRecv(this.#ring, fd, at, MESSAGE_BYTES - received, subject(fd, RECEIVED), 0)
  }

  #onReceived(fd: number, result: number): void {
    if (result <= 0) {
      this.#end(fd)
      return
    }
    if (this.#hello[fd] > 0) {
      this.#hello[fd] -= result
      this.#receive(fd, 0)
      return
    }
    if (this.#taking[fd] > 0) {
      this.#take(fd, result)
      return
    }
    const received = this.#withoutHeader(fd, this.#withoutHello(fd, this.#received[fd] + result))
    if (received < MESSAGE_BYTES) {
      this.#receive(fd, received)
      return
    }
    const at = this.#messages + fd * MESSAGE_BYTES
    this.#taking[fd] = takenAfter(this.#arena.u32, at / 4)
    if (this.#taking[fd] > 0) {
      this.#receive(fd, 0)
      return
    }
    this.#left[fd] = mebibytesOf(this.#arena.u32, at / 4)
    if (this.#left[fd] > 0) this.#sendBlock(fd)
    else this.#echo(fd)
  }

  #take(fd: number, bytes: number): void {
    this.#taking[fd] -= bytes
    if (this.#taking[fd] > 0) this.#receive(fd, 0)
    else this.#echo(fd)
  }

  #echo(fd: number): void {
    prepareSend(this.#ring, fd, this.#messages + fd * MESSAGE_BYTES, MESSAGE_BYTES, subject(fd, SENT), 0)
  }

  /** A ClientHello before the first request, of more than a request, is dropped. */
  #withoutHello(fd: number, received: number): number {
    const at = this.#messages + fd * MESSAGE_BYTES
    if (received < RECORD_HEAD || (this.#arena.u32[at / 4] & 0xffffff) !== HELLO_WORD) return received
    const { u8 } = this.#arena
    this.#hello[fd] = RECORD_HEAD + (u8[at + 3] << 8) + u8[at + 4] - received
    return 0
  }

  /** Skips a PROXY header before the first request; returns how many bytes are left. */
  #withoutHeader(fd: number, received: number): number {
    const at = this.#messages + fd * MESSAGE_BYTES
    if (received < PROXY_BYTES || this.#arena.u32[at / 4] !== PROXY_WORD) return received
    this.#arena.u8.copyWithin(at, at + PROXY_BYTES, at + received)
    return received - PROXY_BYTES
  }

  #sendBlock(fd: number): void {
    this.#left[fd]--
    prepareSend(this.#ring, fd, this.#block, BLOCK_BYTES, subject(fd, SENT), 0)
  }

  #onSent(fd: number, result: number): void {
    const at = (this.#messages + fd * MESSAGE_BYTES) / 4
    if (result >= 0 && this.#left[fd] > 0) this.#sendBlock(fd)
    else if (result < 0 || closesAfter(this.#arena.u32, at)) this.#end(fd)
    else this.#receive(fd, 0)
  }

  #end(fd: number): void {
    this.#open[fd] = 0
    closeSocket(fd)
  }

  #close(): void {
    closeRing(this.#ring)
    closeSocket(this.#listener)
    for (const [fd, open] of this.#open.entries()) if (open) closeSocket(fd)
    this.#arena.unmap()
  }
}
