/**
 * What a client says before there is an upstream: kept in order, while it is read from and while
 * its upstream is dialed.
 */

/** Bytes that are kept; then the client is left waiting. */
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

  /** All of it in one piece, which stays here. */
  whole(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]
  }

  /** The first `bytes` bytes of what is in one piece go nowhere. */
  skip(bytes: number): void {
    const rest = this.whole().subarray(bytes)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.bytes = rest.length
  }

  /** It goes on, or is lost. */
  takeAll(): Buffer[] {
    this.bytes = 0
    return this.#chunks.splice(0)
  }
}
