/**
 * Whether a connection begins with a PROXY header, by its listener and peer address, before
 * anything is read. Integers and typed arrays in, an integer out.
 */

import type { Family } from '../../address/address.ts'
import { Listener } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { isInSet } from './address-set.ts'

/** How a listener treats a peer. */
export const Peer = {
  /** It is the client, and its bytes are payload. */
  client: 0,
  /** It must send a header. */
  sender: 1,
  /** Only senders may connect, and it is none. */
  untrusted: 2,
} as const

/** One of `Peer`, for the socket's address (4 words). */
export function judgePeer(table: Table, listener: number, family: Family | 0, words: Uint32Array): number {
  const { listeners, addressSets } = table
  const row = listener * Listener.WORDS
  if (listeners[row + Listener.proxyVersions] === 0) return Peer.client
  if (isInSet(addressSets[listeners[row + Listener.senders]], family, words)) return Peer.sender
  return listeners[row + Listener.proxyRequired] === 1 ? Peer.untrusted : Peer.client
}
