/**
 * Addresses and ranges that are parsed once: properties draw from few of them, again and again, and
 * parsing took a third of their time.
 */

import { type Address, type Cidr, parseAddress, parseCidr } from '../../src/address/address.ts'

/** So many texts are kept; tests with more of them draw without end. */
const MOST = 10_000

/** Fails where `text` is no address. */
export const addressOf: (text: string) => Address = once(text => {
  const parsed = parseAddress(text)
  if (!parsed) throw new Error(`"${text}" is no address`)
  return parsed
})

/** Fails where `text` is no range. */
export const rangeOf: (text: string) => Cidr = once(text => {
  const parsed = parseCidr(text)
  if (!parsed) throw new Error(`"${text}" is no range`)
  return parsed
})

function once<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const made = make(text)
    if (known.size < MOST) known.set(text, made)
    return made
  }
}
