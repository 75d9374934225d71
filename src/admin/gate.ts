/**
 * A caller's socket as node:http sees it: it passes only as many bytes as allowed.
 *
 * node:http parses all that one read brings, which may be thousands of pipelined requests (64 KiB:
 * 3 600 of them, some 100 ms), and offers no way to stop it in between. So it gets this stream
 * instead of the socket, with no more bytes than `allowed`: heads in small slices, one per turn of
 * the event loop, and none while a request is being answered. The rest stays in the kernel, where
 * TCP slows the caller down.
 */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Caller } from './authority.ts'

/** Bytes that node:http may hold unread; it would parse more at once. */
const BUFFERED_MAX = 1_024

type Done = (error?: Error | null) => void

export class Gate extends Duplex {
  /** Bytes passed since the start. */
  passed = 0
  /** How it came in (authority.ts). */
  readonly caller: Caller
  readonly #socket: Socket
  readonly #allowed: () => number
  #waiting: Buffer = Buffer.alloc(0)
  #isWanted = false
  #isEnded = false
  #isDeaf = false
  #turn: NodeJS.Immediate | undefined

  /**
   * @param allowed  Bytes that may pass now; after 0, call `proceed` when that changes.
   */
  constructor(socket: Socket, caller: Caller, allowed: () => number) {
    super({ readableHighWaterMark: BUFFERED_MAX, decodeStrings: false })
    this.#socket = socket
    this.caller = caller
    this.#allowed = allowed
    socket.on('data', chunk => this.#take(chunk as Buffer))
    socket.on('end', () => this.#ended())
    socket.on('error', error => this.destroy(error))
    socket.on('close', () => this.destroy())
    this.on('error', () => {}) // node:http removes its own listener earlier
  }

  /** Checks again whether more bytes may pass. */
  proceed(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#pass()
    })
  }

  /** From now on discards all bytes; when the caller ends, both sides end. */
  deafen(): void {
    this.#isDeaf = true
    this.#waiting = Buffer.alloc(0)
    if (this.#isEnded) this.destroy()
    else this.#socket.resume()
  }

  /** node:http calls this after the last answer. */
  destroySoon(): void {
    if (this.destroyed) return
    if (!this.writableEnded) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  override _read(): void {
    this.#isWanted = true
    this.proceed()
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: Done): void {
    this.#socket.write(chunk, encoding, done)
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer | string; readonly encoding: BufferEncoding }[],
    done: Done,
  ): void {
    const last = chunks.length - 1
    this.#socket.cork()
    for (const [index, { chunk, encoding }] of chunks.entries())
      this.#socket.write(chunk, encoding, index === last ? done : undefined)
    this.#socket.uncork()
  }

  override _final(done: Done): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: Done): void {
    if (this.#turn) clearImmediate(this.#turn)
    this.#socket.destroy()
    done(error)
  }

  #take(chunk: Buffer): void {
    if (this.#isDeaf) return
    this.#waiting = chunk
    this.#socket.pause()
    this.#pass()
  }

  /** Passes one slice; the next one waits for the next turn of the event loop. */
  #pass(): void {
    if (this.#isDeaf || this.destroyed || !this.#isWanted) return
    const most = this.#waiting.length === 0 ? 0 : this.#allowed()
    if (most > 0) {
      const slice = this.#waiting.subarray(0, most)
      this.#waiting = this.#waiting.subarray(slice.length)
      this.passed += slice.length
      this.#isWanted = this.push(slice)
    }
    if (this.#waiting.length === 0) this.#more()
    else if (most > 0) this.proceed()
  }

  #more(): void {
    if (this.#isEnded) this.push(null)
    else this.#socket.resume()
  }

  /**
   * A caller that ends is gone, even while its answer is being made: the same as without a gate
   * (`httpAllowHalfOpen`).
   */
  #ended(): void {
    this.#isEnded = true
    if (this.#isDeaf) this.destroy()
    else if (this.#waiting.length === 0) this.push(null)
  }
}
