/**
 * A hash of server names and patterns: from a name to the node of the most specific pattern around
 * it.
 *
 *   words   word 0: rows − 1 (rows is a power of two, at most half of them used)
 *           then rows of [hash, where its text begins, the text's length, node]; node 0 is an empty row
 *   text    bytes: "db.example.com", and ".example.com" of the pattern "*.example.com"
 *
 * The hash runs from the end of a name to its beginning. So one walk computes the hash of every
 * suffix, looks up each that begins with a dot, and last the whole name.
 */

import { assert } from '../../base/assert.ts'
import { hashPair, rowsFor } from './pair-index.ts'

/** Node 0: any name, and none. */
export const ANY_NAME = 0
/** Node 1, inside node 0: a client that does not begin with TLS. */
export const NOT_TLS = 1
/** The first node of a name or pattern. */
export const FIRST_NAME = 2

const ROW_WORDS = 4
const DOT = 46

/** The node of each name and pattern of a table. */
export type NameIndex = { readonly words: Uint32Array; readonly text: Uint8Array }

/**
 * The node of the most specific pattern that matches `name`: the name itself, else the longest
 * wildcard, else ANY_NAME. Never throws, allocates nothing.
 *
 * @param name  In lower case, without a dot at its end (wire/hello-message.ts); '': none.
 */
export function findName(index: NameIndex, name: string): number {
  let hash = SEED
  let found = ANY_NAME
  for (let at = name.length - 1; at > 0; at--) {
    const byte = name.charCodeAt(at)
    hash = Math.imul(hash ^ byte, PRIME)
    if (byte === DOT) found = lookUp(index, hash, name, at) || found
  }
  if (name === '' || name.charCodeAt(0) === DOT) return found
  return lookUp(index, Math.imul(hash ^ name.charCodeAt(0), PRIME), name, 0) || found
}

/** The node of the part of `name` that begins at `at`, or 0. */
function lookUp({ words, text }: NameIndex, hash: number, name: string, at: number): number {
  const length = name.length - at
  const mixed = hashPair(hash, length) >>> 0
  const mask = words[0]
  for (let row = mixed & mask; ; row = (row + 1) & mask) {
    const entry = 1 + row * ROW_WORDS
    const node = words[entry + 3]
    if (node === 0) return 0
    if (words[entry] !== mixed || words[entry + 2] !== length) continue
    if (isSame(text, words[entry + 1], name, at)) return node
  }
}

function isSame(text: Uint8Array, from: number, name: string, at: number): boolean {
  for (let place = at; place < name.length; place++)
    if (text[from + place - at] !== name.charCodeAt(place)) return false
  return true
}

/** FNV-1a's (Fowler, Noll, Vo); pair-index.ts mixes the rest. */
const SEED = 0x811c9dc5 | 0
const PRIME = 0x01000193

function hashOf(key: string): number {
  let hash = SEED
  for (let at = key.length - 1; at >= 0; at--) hash = Math.imul(hash ^ key.charCodeAt(at), PRIME)
  return hashPair(hash, key.length) >>> 0
}

/**
 * The index of `keys`, which are distinct and one byte per character; their nodes start at
 * FIRST_NAME.
 */
export function buildNameIndex(keys: readonly string[]): NameIndex {
  const rows = rowsFor(keys.length)
  const words = new Uint32Array(1 + rows * ROW_WORDS)
  const text = new Uint8Array(keys.reduce((sum, key) => sum + key.length, 0))
  words[0] = rows - 1
  let end = 0
  for (const [place, key] of keys.entries()) {
    assert(/^[\x21-\x7e]+$/.test(key), `"${key}" is no server name`)
    const hash = hashOf(key)
    let row = hash & words[0]
    while (words[1 + row * ROW_WORDS + 3] !== 0) row = (row + 1) & words[0]
    words.set([hash, end, key.length, FIRST_NAME + place], 1 + row * ROW_WORDS)
    for (let at = 0; at < key.length; at++) text[end++] = key.charCodeAt(at)
  }
  return { words, text }
}
