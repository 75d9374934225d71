/**
 * Whether a connection begins with a PROXY header, by the listener and the address of its socket:
 * asked before anything is read of it. Integers and typed arrays in, an integer out.
 */

import type { Family } from '../../address/address.ts'
import { Listener, Prefix } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'

/** What a listener makes of a peer. */
export const Peer = {
  /** It is the client, and what it says is payload. */
  client: 0,
  /** It must send a header. */
  sender: 1,
  /** Only senders may connect, and it is none. */
  untrusted: 2,
} as const

/** One of `Peer`, for the socket's address (4 words). */
export function judgePeer(table: Table, listener: number, family: Family | 0, words: Uint32Array): number {
  const { listeners } = table
  const row = listener * Listener.WORDS
  if (listeners[row + Listener.proxyVersions] === 0) return Peer.client
  const first = listeners[row + Listener.firstSender]
  const end = first + listeners[row + Listener.senderCount]
  for (let prefix = first; prefix < end; prefix++)
    if (isInside(table.prefixes, prefix * Prefix.WORDS, family, words)) return Peer.sender
  return listeners[row + Listener.proxyRequired] === 1 ? Peer.untrusted : Peer.client
}

function isInside(prefixes: Uint32Array, at: number, family: number, words: Uint32Array): boolean {
  if (prefixes[at + Prefix.family] !== family) return false
  let left = prefixes[at + Prefix.bits]
  for (let word = 0; left > 0; word++) {
    const differs = words[word] ^ prefixes[at + Prefix.address + word]
    if (left < 32 ? differs >>> (32 - left) !== 0 : differs !== 0) return false
    left -= 32
  }
  return true
}
