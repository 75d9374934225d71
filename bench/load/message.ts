/**
 * The messages between the generator and its server: a request of 64 bytes, which the server
 * echoes, or answers with as many mebibytes as the request asks for.
 *
 *   word 0  whose: the client's number     2  mebibytes of the reply; 0: the request itself
 *        1  its number among that one's    3  CLOSES: the server closes after the reply; TAKES: the
 *                                           mebibytes are no reply, they follow the request
 *
 * A reply of another connection, or an earlier one, has other words. The mebibytes repeat
 * BLOCK_BYTES of words that count up, so that lost, doubled or misplaced bytes show.
 */

export const MESSAGE_BYTES = 64
const MESSAGE_WORDS = MESSAGE_BYTES / 4
const HEADER_WORDS = 4

export const BLOCK_BYTES = 1 << 20
/** One word in so many bytes is checked: reading all would cost more than relaying them. */
const LOOK_EVERY_WORDS = 1024

export type Header = {
  readonly client: number
  readonly sequence: number
  readonly mebibytes: number
  readonly closes: boolean
  readonly takes?: boolean
}

const CLOSES = 1
const TAKES = 2

/** Writes a request at word `at`; the bytes after the header depend on it too. */
export function writeMessage(
  words: Uint32Array,
  at: number,
  { client, sequence, mebibytes, closes, takes = false }: Header,
): void {
  words[at] = client
  words[at + 1] = sequence
  words[at + 2] = mebibytes
  words[at + 3] = (closes ? CLOSES : 0) | (takes ? TAKES : 0)
  for (let i = HEADER_WORDS; i < MESSAGE_WORDS; i++)
    words[at + i] = Math.imul(sequence + i, 0x9e3779b1) ^ client
}

export const mebibytesOf = (words: Uint32Array, at: number): number => words[at + 2]
export const closesAfter = (words: Uint32Array, at: number): boolean => (words[at + 3] & CLOSES) !== 0
/** Bytes that follow the request. */
export const takenAfter = (words: Uint32Array, at: number): number =>
  (words[at + 3] & TAKES) !== 0 ? words[at + 2] * BLOCK_BYTES : 0

/** Whether two messages are the same. */
export function same(words: Uint32Array, at: number, other: number): boolean {
  for (let i = 0; i < MESSAGE_WORDS; i++) if (words[at + i] !== words[other + i]) return false
  return true
}

/** Fills a block from word `at` on. */
export function writeBlock(words: Uint32Array, at: number): void {
  for (let i = 0; i < BLOCK_BYTES / 4; i++) words[at + i] = i
}

/**
 * Whether the bytes of a long reply from `position` on are correct.
 *
 * @param at  The word of `position`, rounded down to a whole word.
 */
export function isBlock(words: Uint32Array, at: number, position: number, bytes: number): boolean {
  const first = Math.ceil(position / 4)
  const end = Math.floor((position + bytes) / 4)
  const offset = at - Math.floor(position / 4)
  for (let word = first; word < end; word += LOOK_EVERY_WORDS) {
    if (words[offset + word] !== word % (BLOCK_BYTES / 4)) return false
  }
  return true
}
