/** An endpoint as an operator names it: an address with a port, or an address for all its ports. */

import { formatAddress, formatEndpoint, parseAddress, splitEndpoint } from '../../address/address.ts'
import { Endpoint } from '../../table/format/endpoints-layout.ts'

export type EndpointPlace = {
  readonly family: number
  readonly words: Uint32Array
  /** 0: all ports. */
  readonly port: number
  /** "10.0.0.1:80", "[2001:db8::1]:80" or "10.0.0.1". */
  readonly text: string
}

/** Null: this is neither. */
export function parsePlace(text: string): EndpointPlace | null {
  const bare = parseAddress(text)
  const split = bare ? { address: text, port: 0 } : splitEndpoint(text)
  const address = split && parseAddress(split.address)
  if (!split || !address || (!bare && split.port === 0)) return null
  const { family, words } = address
  const host = formatAddress(family, words)
  return { family, words, port: split.port, text: bare ? host : formatEndpoint(host, split.port) }
}

export const hasSameAddress = (one: EndpointPlace, other: EndpointPlace): boolean =>
  one.family === other.family && one.words.join() === other.words.join()

/** Whether an address and port are meant. */
export function isAt(
  place: EndpointPlace,
  family: number,
  words: ArrayLike<number>,
  at: number,
  port: number,
): boolean {
  if (place.family !== family || (place.port !== 0 && place.port !== port)) return false
  for (let word = 0; word < 4; word++) if (place.words[word] !== words[at + word] >>> 0) return false
  return true
}

/** Whether the endpoint whose row begins at word `at` is meant. */
export const isRowAt = (place: EndpointPlace, endpoints: Uint32Array, at: number): boolean =>
  isAt(
    place,
    endpoints[at + Endpoint.family],
    endpoints,
    at + Endpoint.address,
    endpoints[at + Endpoint.port],
  )
