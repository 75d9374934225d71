/**
 * Where the records of a stream begin and end: each has a head of 5 bytes, of which the last two
 * are the length of its body (RFC 8446 §5.1, the same since SSL 3.0).
 */

const HEAD = 5

export class RecordEdges {
  /** How much of the current head has come, the length so far, and how much of the body has not. */
  #head = 0
  #length = 0
  #left = 0

  /** Takes the next piece; true: it is one record, no more and no less. */
  follow(bytes: Uint8Array, from: number, count: number): boolean {
    if (this.#head + this.#left === 0 && count >= HEAD)
      if (HEAD + ((bytes[from + 3] << 8) | bytes[from + 4]) === count) return true
    const end = from + count
    for (let at = from; at < end; )
      if (this.#left > 0) {
        const part = Math.min(this.#left, end - at)
        this.#left -= part
        at += part
      } else this.#takeHead(bytes[at++])
    return false
  }

  #takeHead(byte: number): void {
    if (this.#head >= HEAD - 2) this.#length = (this.#length << 8) | byte
    if (++this.#head < HEAD) return
    this.#left = this.#length
    this.#head = 0
    this.#length = 0
  }
}
