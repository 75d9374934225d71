/**
 * The server names of connections, in the same memory as their rows (connections.ts) and records
 * (records.ts), and apart from them: a row has a word for the position of its name, 0 for none. So
 * a connection without a name writes and copies nothing more, and pages of unused names take no
 * memory.
 *
 *   rows … │ a place for each row's name: length, then one byte a character
 */

import { Live, NAME_WORDS } from './connections.ts'

/** Longer names are cut: no DNS name is longer (RFC 1035 §2.3.4). */
const NAME_BYTES_MAX = 253

/** Writes the name of the row at `at` into the place at `place`. */
export function writeName(words: Int32Array, at: number, place: number, name: string): void {
  const length = Math.min(name.length, NAME_BYTES_MAX)
  words[at + Live.serverName] = length === 0 ? 0 : place
  if (length === 0) return
  let word = length
  for (let index = 1; index <= length; index++) {
    if ((index & 3) === 0) word = 0
    word |= name.charCodeAt(index - 1) << (8 * (index & 3))
    words[place + (index >>> 2)] = word
  }
}

/** The name of the row at `at`; '': none. */
export function nameOf(words: Int32Array, at: number): string {
  const place = words[at + Live.serverName]
  if (place === 0) return ''
  const length = Math.min(words[place] & 255, NAME_BYTES_MAX)
  let name = ''
  for (let index = 1; index <= length; index++) {
    name += String.fromCharCode((words[place + (index >>> 2)] >>> (8 * (index & 3))) & 255)
  }
  return name
}

/** Gives the copy of a row, at `to`, a copy of its name at `from`, which goes to `place`. */
export function copyName(
  source: Int32Array,
  from: number,
  target: Int32Array,
  to: number,
  place: number,
): void {
  if (target[to + Live.serverName] === 0) return
  target[to + Live.serverName] = place
  for (let word = 0; word < NAME_WORDS; word++) target[place + word] = Atomics.load(source, from + word)
}
