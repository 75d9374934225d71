/**
 * The server names of connections and the identities of their clients, in the same memory as their
 * rows (connections.ts) and records (records.ts), and apart from them: a row has a word for the
 * position of each, 0 for none. So a connection without them writes and copies nothing more, and
 * pages of unused names take no memory.
 *
 *   rows … │ names: for each row its length, one byte a character │ identities as UTF-8
 */

import { IDENTITY_WORDS, Live, type NamePlaces } from './connections.ts'

/** Longer names are cut: no DNS name is longer (RFC 1035 §2.3.4). */
const NAME_BYTES_MAX = 253
/**
 * A text for people that is longer is cut. The SPIFFE IDs of a certificate are not: who has more
 * of them is refused (engine/worker/certified.ts).
 */
export const IDENTITY_BYTES_MAX = 4 * IDENTITY_WORDS

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
  const length = Math.min(bytes.length, IDENTITY_BYTES_MAX)
  words[at + Live.identity] = place
  words[at + Live.identityBytes] = length
  let word = 0
  for (let index = 0; index < length; index++) {
    word = (index & 3) === 0 ? bytes[index] : word | (bytes[index] << (8 * (index & 3)))
    words[place + (index >>> 2)] = word
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

/** Where the names of the row at `at` are, if it has any. */
export const namesOf = (words: Int32Array, at: number): NamePlaces => ({
  name: words[at + Live.serverName],
  identity: words[at + Live.identity],
})

/** Gives the copy of a row, at `to`, a copy of its names, which go to `places`. */
export function copyNames(
  source: Int32Array,
  from: NamePlaces,
  target: Int32Array,
  to: number,
  places: NamePlaces,
): void {
  if (target[to + Live.serverName] !== 0) {
    target[to + Live.serverName] = places.name
    const bytes = Math.min(Atomics.load(source, from.name) & 255, NAME_BYTES_MAX)
    copyWords(source, from.name, target, places.name, (bytes >>> 2) + 1)
  }
  if (target[to + Live.identity] !== 0) {
    target[to + Live.identity] = places.identity
    const bytes = Math.min(target[to + Live.identityBytes] >>> 0, IDENTITY_BYTES_MAX)
    copyWords(source, from.identity, target, places.identity, (bytes + 3) >>> 2)
  }
}

function copyWords(source: Int32Array, from: number, target: Int32Array, to: number, count: number): void {
  for (let word = 0; word < count; word++) target[to + word] = Atomics.load(source, from + word)
}
