/**
 * The pipe through which bytes enter and leave OpenSSL: one pair of BIOs for all sessions of a
 * thread. That works because one session is driven at a time, until it has taken everything and
 * everything was taken from it. So an idle connection has no memory of the pipe's.
 *
 * After a failure, what a session has left would be read by the next one: `clear` throws it away.
 * The pipe is never shut down, which could not be undone; the end of a stream is no business of it.
 */

import { assert } from '../base/assert.ts'
import type { Memory } from '../kernel/kernel.ts'
import { addressOf, type OpenSsl, readBio, readSession, writeBio, writeSession } from './openssl.ts'

/**
 * Twice the largest piece that an engine writes at once (256 KiB), so that no write falls short.
 */
const BYTES = 2n ** 19n + 2n ** 16n
const SCRATCH_BYTES = 65_536

export class Pipe {
  /** The end that sessions have. */
  readonly inner: bigint
  readonly #outer: bigint
  readonly memory: Pick<Memory, 'u8'>
  readonly #openssl: OpenSsl
  readonly #base: number
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

  constructor(openssl: OpenSsl, memory: Pick<Memory, 'u8'>) {
    const ends = new BigUint64Array(Buffer.allocUnsafeSlow(128).buffer, 0, 2)
    const at = addressOf(new Uint8Array(ends.buffer))
    assert(openssl.ssl.BIO_new_bio_pair(at, BYTES, at + 8n, BYTES) === 1, 'no memory for a pipe')
    this.memory = memory
    this.#openssl = openssl
    this.inner = ends[0]
    this.#outer = ends[1]
    this.#base = Number(addressOf(memory.u8))
  }

  /** The peer's bytes at a place of the kernel's memory; all of them fit. */
  feed(at: number, bytes: number): void {
    const taken = writeBio(this.#outer, this.#base + at, bytes)
    assert(taken === bytes, 'a pipe of TLS is too small', bytes)
  }

  /** Bytes for the peer; 0: none. */
  take(at: number, room: number): number {
    return Math.max(0, readBio(this.#outer, this.#base + at, room))
  }

  read(session: bigint, at: number, room: number): number {
    return readSession(session, this.#base + at, room)
  }

  write(session: bigint, at: number, bytes: number): number {
    return writeSession(session, this.#base + at, bytes)
  }

  /** Throws away what came from the peer and was not read. */
  clearInput(): void {
    while (this.#openssl.ssl.BIO_read(this.inner, this.#scratch, SCRATCH_BYTES) > 0);
  }

  /** Throws away everything. */
  clear(): void {
    this.clearInput()
    while (this.#openssl.ssl.BIO_read(this.#outer, this.#scratch, SCRATCH_BYTES) > 0);
  }

  end(): void {
    this.#openssl.ssl.BIO_free(this.inner)
    this.#openssl.ssl.BIO_free(this.#outer)
  }
}
