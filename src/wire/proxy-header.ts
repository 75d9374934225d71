/**
 * The content of a PROXY protocol header, in either version (proxy-protocol.txt of HAProxy, 2026,
 * called "the specification" in the modules beside this one).
 */

import type { Family } from '../address/address.ts'

/** Addresses as 4 words each (address/address.ts); IPv4-mapped ones are unmapped. */
export type ProxyHeader = {
  /** 0: the header names no addresses, and those of the socket stay. */
  clientFamily: Family | 0
  readonly client: Uint32Array
  clientPort: number
  /** 0 if `clientFamily` is 0. The two may differ: an IPv4-mapped address stands for IPv4. */
  destinationFamily: Family | 0
  readonly destination: Uint32Array
  destinationPort: number
}

export const createProxyHeader = (): ProxyHeader => ({
  clientFamily: 0,
  client: new Uint32Array(4),
  clientPort: 0,
  destinationFamily: 0,
  destination: new Uint32Array(4),
  destinationPort: 0,
})

/** The bytes so far are the beginning of a header. */
export const MORE = -1
/** No header begins with these bytes. */
export const INVALID = -2

/**
 * Whether both addresses can be ends of a TCP connection: neither unspecified, nor broadcast, nor
 * multicast. Envoy requires the same. If weir dials the destination, 0.0.0.0 would be this machine.
 */
export const hasUnicast = ({ clientFamily, client, destinationFamily, destination }: ProxyHeader): boolean =>
  isUnicast(clientFamily, client) && isUnicast(destinationFamily, destination)

function isUnicast(family: Family | 0, words: Uint32Array): boolean {
  const [first] = words
  if (family === 4) return first !== 0 && first !== 0xffffffff && first >>> 28 !== 0xe
  return (first | words[1] | words[2] | words[3]) !== 0 && first >>> 24 !== 0xff
}
