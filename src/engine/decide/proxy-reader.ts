/**
 * Reads the PROXY header of a load balancer before the decision, and makes the address in it the
 * client (../../wire/proxy-protocol.ts).
 *
 * The table defines who must send one (../../table/match/proxy-senders.ts); nothing is read from
 * other peers. Bytes after the header are the client's and are passed on unchanged.
 */

import { Reason } from '../../stats/reasons.ts'
import { Listener } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { judgePeer, Peer } from '../../table/match/proxy-senders.ts'
import { createProxyHeader, INVALID, type ProxyHeader } from '../../wire/proxy-header.ts'
import { readProxyHeader } from '../../wire/proxy-protocol.ts'
import type { Arrival } from './arrival.ts'
import { Asked, MORE, type Reader, refusal } from './reader.ts'

export class ProxyHeaderReader implements Reader {
  readonly #header = createProxyHeader()

  begin(arrival: Arrival): boolean {
    const { table, query } = arrival
    if (table === null) return false
    const peer = judgePeer(table, query.listener, query.clientFamily, query.client)
    if (peer === Peer.untrusted) arrival.refusal = Reason['proxy-untrusted']
    if (peer !== Peer.sender) return false
    arrival.readUntilMs = arrival.arrivedMs + of(table, query.listener, Listener.proxyTimeoutMs)
    return true
  }

  read(arrival: Arrival, bytes: Uint8Array, asked: Asked): number {
    const { table, query } = arrival
    if (table === null) return refusal(Reason['proxy-invalid'])
    const versions = of(table, query.listener, Listener.proxyVersions)
    const length = readProxyHeader(bytes, 0, bytes.length, versions, this.#header)
    if (length === INVALID || (length < 0 && asked === Asked.end)) return refusal(Reason['proxy-invalid'])
    if (length < 0) return asked === Asked.late ? refusal(Reason['proxy-timeout']) : MORE
    if (this.#header.clientFamily !== 0) name(this.#header, arrival)
    return length
  }
}

const of = ({ listeners }: Table, listener: number, field: number): number =>
  listeners[listener * Listener.WORDS + field]

/** The socket's other end becomes the peer, and the header's source the client. */
function name(header: ProxyHeader, arrival: Arrival): void {
  const { query } = arrival
  query.peerFamily = query.clientFamily
  query.peer.set(query.client)
  arrival.peerPort = arrival.clientPort
  query.clientFamily = header.clientFamily
  query.client.set(header.client)
  arrival.clientPort = header.clientPort
  query.destinationFamily = header.destinationFamily
  query.destination.set(header.destination)
  query.destinationPort = header.destinationPort
}
