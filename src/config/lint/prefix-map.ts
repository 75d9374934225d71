/**
 * A map from address prefixes to values that also finds the prefixes around one.
 *
 * One hash for each length that occurs: an operator's rules have a handful of lengths, so finding
 * the prefixes around one costs a handful of look-ups, whatever the size of the map.
 */

import { type Cidr, type Family, wordMask } from '../../address/address.ts'

/**
 * The first bits of an address: an int32 for IPv4, so that the hash stays quick; a text for IPv6.
 */
type Key = number | string

type Level<Value> = { readonly bits: number; readonly values: Map<Key, Value> }

/** Every address of a family. */
export const EVERY: Readonly<Record<Family, Cidr>> = {
  4: { family: 4, words: new Uint32Array(4), bits: 0 },
  6: { family: 6, words: new Uint32Array(4), bits: 0 },
}

export class PrefixMap<Value> {
  /** Longest first. */
  readonly #levels: Record<Family, Level<Value>[]> = { 4: [], 6: [] }

  get(cidr: Cidr): Value | undefined {
    return this.#levelOf(cidr)?.values.get(keyOf(cidr, cidr.bits))
  }

  set(cidr: Cidr, value: Value): void {
    const level = this.#levelOf(cidr) ?? this.#addLevel(cidr)
    level.values.set(keyOf(cidr, cidr.bits), value)
  }

  /** The value of the longest prefix around `cidr`, itself included, or undefined. */
  nearest(cidr: Cidr): Value | undefined {
    for (const { bits, values } of this.#levels[cidr.family]) {
      if (bits > cidr.bits) continue
      const value = values.get(keyOf(cidr, bits))
      if (value !== undefined) return value
    }
    return undefined
  }

  /** The values of all prefixes around `cidr`, itself included, longest first. */
  around(cidr: Cidr): Value[] {
    const found: Value[] = []
    for (const { bits, values } of this.#levels[cidr.family]) {
      const value = bits > cidr.bits ? undefined : values.get(keyOf(cidr, bits))
      if (value !== undefined) found.push(value)
    }
    return found
  }

  #levelOf({ family, bits }: Cidr): Level<Value> | undefined {
    return this.#levels[family].find(level => level.bits === bits)
  }

  #addLevel({ family, bits }: Cidr): Level<Value> {
    const level = { bits, values: new Map<Key, Value>() }
    this.#levels[family].push(level)
    this.#levels[family].sort((left, right) => right.bits - left.bits)
    return level
  }
}

function keyOf({ family, words }: Cidr, bits: number): Key {
  if (family === 4) return words[0] & wordMask(bits, 0)
  let key = ''
  for (let word = 0; word < 4; word++) key += `${words[word] & wordMask(bits, word)} `
  return key
}

/** The other half of `cidr`'s parent; `bits` is at least 1. */
export function siblingOf({ family, words, bits }: Cidr): Cidr {
  const flipped = words.slice()
  const at = (bits - 1) >>> 5
  flipped[at] = (flipped[at] ^ lastBit(bits)) >>> 0
  return { family, words: flipped, bits }
}

/** The prefix that is one bit shorter; `bits` is at least 1. */
export function parentOf({ family, words, bits }: Cidr): Cidr {
  const cleared = words.slice()
  const at = (bits - 1) >>> 5
  cleared[at] = (cleared[at] & ~lastBit(bits)) >>> 0
  return { family, words: cleared, bits: bits - 1 }
}

/** The last bit of a prefix, within its word. */
const lastBit = (bits: number): number => 1 << (31 - ((bits - 1) & 31))

/** Whether all of `inner` lies in `outer`. */
export function isWithin(inner: Cidr, outer: Cidr): boolean {
  if (inner.family !== outer.family || inner.bits < outer.bits) return false
  for (let word = 0; word < 4; word++) {
    if (((inner.words[word] ^ outer.words[word]) & wordMask(outer.bits, word)) !== 0) return false
  }
  return true
}

/** The intersection of two prefixes: the longer one if it lies in the other, else null. */
export function intersection(left: Cidr, right: Cidr): Cidr | null {
  if (isWithin(left, right)) return left
  return isWithin(right, left) ? right : null
}
