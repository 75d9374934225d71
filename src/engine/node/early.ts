/**
 * A client's bytes before there is an upstream: kept in order, while it is read from and while weir
 * dials.
 */

/** Bytes kept; beyond, the client has to wait. */
const BYTES_MAX = 65_536

export class Early {
  bytes = 0
  #chunks: Buffer[] = []

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.bytes += chunk.length
  }

  get isFull(): boolean {
    return this.bytes >= BYTES_MAX
  }

  /** All bytes in one piece, which stays here. */
  whole(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]
  }

  /** Drops the first `bytes` bytes of the single piece. */
  skip(bytes: number): void {
    const rest = this.whole().subarray(bytes)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.bytes = rest.length
  }

  /** The connection goes on, or its bytes are lost. */
  takeAll(): Buffer[] {
    this.bytes = 0
    return this.#chunks.splice(0)
  }
}
