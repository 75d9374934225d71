/** The input of the matcher: a connection. */

import type { Family } from '../../address/address.ts'
import type { Fulfilled } from './fulfilled.ts'

/** Who a client is by its certificate. */
export type CertifiedIdentity = {
  /** As in RFC 2253: "CN=anna,O=shop"; '': none. */
  readonly subject: string
  /** The first URI among its names, such as spiffe://…; '': none. */
  readonly uri: string
  /** Each with its kind: "DNS:a.example", "URI:spiffe://…", "IP:192.0.2.1", "email:…". */
  readonly names: readonly string[]
}

/**
 * A connection to match: each worker has one and fills it anew. Addresses are 4 words
 * (address/address.ts).
 */
export type Query = {
  /**
   * Index into `Table.sockets`. Out: if Gateways share a socket, that of the one whose server took
   * the connection.
   */
  listener: number
  destinationFamily: Family | 0
  readonly destination: Uint32Array
  /**
   * The address and port that the client dialed; a gateway's rules ask for the listener's port
   * instead.
   */
  destinationPort: number
  clientFamily: Family | 0
  readonly client: Uint32Array
  /** The other end of the socket, if a header named another client; family 0: it is the client. */
  peerFamily: Family | 0
  readonly peer: Uint32Array
  /** Whether the client has begun TLS; false if nothing was read. */
  isTls: boolean
  /** The name that a TLS client asks for, in lower case, without a dot at its end; '': none. */
  serverName: string
  /** The protocol that weir and a TLS client have chosen (ALPN); '': none. */
  alpn: string
  /** What its verified certificate says; null: it has shown none to weir. */
  identity: CertifiedIdentity | null
  /** The conditions that the client's workload fulfils, found on the way. */
  readonly fulfilled: Fulfilled
  /** Out: the row of the scope that applied; −1: none. */
  scope: number
  /** Out: the row of the rule that matched; −1: none. */
  rule: number
  /** Out: the row of the client's workload; 0: unknown. */
  workload: number
}

const NOTHING = new Uint32Array(0)

export function createQuery(): Query {
  return {
    listener: 0,
    destinationFamily: 0,
    destination: new Uint32Array(4),
    destinationPort: 0,
    clientFamily: 0,
    client: new Uint32Array(4),
    peerFamily: 0,
    peer: new Uint32Array(4),
    isTls: false,
    serverName: '',
    alpn: '',
    identity: null,
    fulfilled: { bits: NOTHING, bitsAt: 0, conditions: NOTHING, first: 0, count: 0, route: -1 },
    scope: -1,
    rule: -1,
    workload: 0,
  }
}
