/**
 * The server names of connections and the identities of their clients, in the same memory as their
 * rows (connections.ts) and records (records.ts), and apart from them: a row has a word for the
 * position of each, 0 for none. So a connection without them writes and copies nothing more, and
 * pages of unused names take no memory.
 *
 *   rows … │ a place for each row: the name's length, one byte a character │ identities as UTF-8
 */

import { Live, NAME_WORDS } from './connections.ts'

/** Longer names are cut: no DNS name is longer (RFC 1035 §2.3.4). */
const NAME_BYTES_MAX = 253
/** In a place: where the identity begins. */
const IDENTITY_AT = NAME_WORDS / 2
/** Longer identities are cut. */
const IDENTITY_BYTES_MAX = 4 * (NAME_WORDS - IDENTITY_AT)

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

/** Writes the identity of the row's client: URIs, one a line, or another name; not ''. */
export function writeIdentity(words: Int32Array, at: number, place: number, identity: string): void {
  const bytes = Buffer.from(identity)
  words[at + Live.identity] = place + IDENTITY_AT
  words[at + Live.identityBytes] = bytes.length
  const end = Math.min(bytes.length, IDENTITY_BYTES_MAX)
  let word = 0
  for (let index = 0; index < end; index++) {
    word = (index & 3) === 0 ? bytes[index] : word | (bytes[index] << (8 * (index & 3)))
    words[place + IDENTITY_AT + (index >>> 2)] = word
  }
}

/** The first identity of the row's client, for people; '': it has shown no certificate. */
export const identityOf = (words: Int32Array, at: number): string => identitiesOf(words, at).split('\n', 1)[0]

/** What `writeIdentity` wrote for the row at `at`; '': nothing. */
export function identitiesOf(words: Int32Array, at: number): string {
  const place = words[at + Live.identity]
  if (place === 0) return ''
  const bytes = Math.min(words[at + Live.identityBytes], IDENTITY_BYTES_MAX)
  const text = Buffer.alloc(bytes)
  for (let index = 0; index < bytes; index++) text[index] = words[place + (index >>> 2)] >>> (8 * (index & 3))
  return text.toString()
}

/** Whether only the beginning of the identities is there. */
export const isIdentityCut = (words: Int32Array, at: number): boolean =>
  words[at + Live.identity] !== 0 && words[at + Live.identityBytes] > IDENTITY_BYTES_MAX

/** Where the names of the row at `at` begin, if it has any. */
export const placeOf = (words: Int32Array, at: number): number =>
  words[at + Live.serverName] || words[at + Live.identity] - IDENTITY_AT

/** Gives the copy of a row, at `to`, a copy of its names at `from`, which go to `place`. */
export function copyName(
  source: Int32Array,
  from: number,
  target: Int32Array,
  to: number,
  place: number,
): void {
  const [isNamed, isIdentified] = [target[to + Live.serverName] !== 0, target[to + Live.identity] !== 0]
  if (!isNamed && !isIdentified) return
  if (isNamed) target[to + Live.serverName] = place
  if (isIdentified) target[to + Live.identity] = place + IDENTITY_AT
  const end = isIdentified ? NAME_WORDS : IDENTITY_AT
  for (let word = isNamed ? 0 : IDENTITY_AT; word < end; word++)
    target[place + word] = Atomics.load(source, from + word)
}
