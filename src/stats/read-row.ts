/** From the words of a row (connections.ts) to a connection, open or ended. */

import { type Family, formatAddress } from '../address/address.ts'
import type { CertifiedIdentity } from '../table/match/query.ts'
import { Flags, Live } from './connections.ts'
import { identitiesOf, identityOf, nameOf } from './row-names.ts'

/** What is known of a connection. Rows are those of the table of `generation`. */
export type Row = {
  /** Unique in a process. */
  readonly id: number
  readonly generation: number
  readonly listener: number
  /** −1 here and below: none. */
  readonly scope: number
  readonly rule: number
  readonly route: number
  readonly cluster: number
  /** The client's; 0: unknown. */
  readonly workload: number
  /** null: it was gone before weir could ask the kernel. */
  readonly client: SocketAddress | null
  /** The peer of its socket if a PROXY header named the client; else null. */
  readonly peer: SocketAddress | null
  /** As the client asked. */
  readonly destination: SocketAddress | null
  /** The one that weir dialed last; null: none. */
  readonly upstream: SocketAddress | null
  /** The server name that its TLS client asked for; '': none, or weir did not read it. */
  readonly serverName: string
  /** Who the client is by its verified certificate: its first URI, else another name; '': none. */
  readonly identity: string
  /** Milliseconds since 1970. */
  readonly acceptedWallMs: number
  readonly decideNs: number
  /** Of the last dial; 0 before it is connected. */
  readonly connectUs: number
  readonly attempts: number
  readonly fromClient: number
  /** The part of `fromClient` that the upstream's socket took. */
  readonly toUpstream: number
  readonly fromUpstream: number
  readonly toClient: number
  readonly clientEnded: boolean
  readonly upstreamEnded: boolean
}

export type SocketAddress = { readonly address: string; readonly port: number }

/** Of a copy whose first word is word 0. */
export const rowOf = (words: Int32Array, numbers: Float64Array): Row => ({
  id: numbers[Live.id / 2],
  generation: words[Live.generation],
  listener: words[Live.listener],
  scope: words[Live.scope],
  rule: words[Live.rule],
  route: words[Live.route],
  cluster: words[Live.cluster],
  workload: words[Live.workload],
  client: socketAddress(words, Live.clientFamily),
  peer: socketAddress(words, Live.peerFamily),
  destination: socketAddress(words, Live.destinationFamily),
  upstream: socketAddress(words, Live.endpointFamily),
  serverName: nameOf(words, 0),
  identity: identityOf(words, 0),
  acceptedWallMs: numbers[Live.acceptedWallMs / 2],
  decideNs: words[Live.decideNs] >>> 0,
  connectUs: words[Live.connectUs] >>> 0,
  attempts: words[Live.attempts],
  fromClient: numbers[Live.fromClient / 2],
  toUpstream: numbers[Live.toUpstream / 2],
  fromUpstream: numbers[Live.fromUpstream / 2],
  toClient: numbers[Live.toClient / 2],
  clientEnded: (words[Live.flags] & Flags.clientEnded) !== 0,
  upstreamEnded: (words[Live.flags] & Flags.upstreamEnded) !== 0,
})

/** Family, four words of the address and the port, as in a row. */
function socketAddress(words: Int32Array, at: number): SocketAddress | null {
  const family = words[at]
  if (family === 0) return null
  return { address: formatAddress(family as Family, words, at + 1), port: words[at + 5] }
}

/** What a row keeps of the client's certificate; null: it has shown none. */
export const certifiedOf = (words: Int32Array, at: number): CertifiedIdentity | null =>
  certifiedBy(identitiesOf(words, at))

/** The same of its text: URIs, each on a line, else the subject. */
export function certifiedBy(text: string): CertifiedIdentity | null {
  if (text === '') return null
  if (!/^[a-z][a-z\d+.-]*:/.test(text)) return { subject: text, uri: '', names: [] }
  const uris = text.split('\n')
  return { subject: '', uri: uris[0], names: uris.map(each => `URI:${each}`) }
}
