/**
 * What the journal writes of an arrival and of a decision: the words of a live row
 * (../../stats/connections.ts), and of a record, which has the same.
 */

import type { Family } from '../../address/address.ts'
import { Live, type NamePlaces } from '../../stats/connections.ts'
import { writeIdentity, writeName } from '../../stats/row-names.ts'
import type { ProxyHeader } from '../../wire/proxy-header.ts'
import type { Arrival } from '../decide/arrival.ts'
import type { Decision } from '../decide/decision.ts'
import { identityText } from './certified.ts'

/** Addresses have four words. */
const ADDRESS = 4

/** What is known of a connection before it goes anywhere, but for its id and the wall clock. */
export function writeArrival(words: Int32Array, at: number, arrival: Arrival): void {
  const { query, decision } = arrival
  words[at + Live.generation] = arrival.table?.generation ?? 0
  words[at + Live.listener] = query.listener
  words[at + Live.serverName] = 0
  words[at + Live.identity] = 0
  words[at + Live.scope] = query.scope
  words[at + Live.rule] = query.rule
  words[at + Live.route] = decision.route
  words[at + Live.cluster] = decision.cluster
  words[at + Live.workload] = query.workload
  words[at + Live.policy] = decision.policy
  words[at + Live.policyGeneration] = decision.policyGeneration
  words[at + Live.audited] = decision.audited
  words[at + Live.source] = decision.source
  words[at + Live.gatewaySource] = decision.gatewaySource
  words[at + Live.decideNs] = arrival.decideNs
  words[at + Live.clientFamily] = query.clientFamily
  words[at + Live.clientPort] = arrival.clientPort
  words[at + Live.destinationFamily] = query.destinationFamily
  words[at + Live.destinationPort] = query.destinationPort
  words[at + Live.peerFamily] = query.peerFamily
  words[at + Live.peerPort] = arrival.peerPort
  for (let word = 0; word < ADDRESS; word++) {
    words[at + Live.peer + word] = query.peer[word]
    words[at + Live.client + word] = query.client[word]
    words[at + Live.destination + word] = query.destination[word]
  }
}

/** The server name that the client asked for, and who it is by its certificate, into `places`. */
export function writeNames(words: Int32Array, at: number, places: NamePlaces, { query }: Arrival): void {
  const { serverName, identity } = query
  if (serverName !== '') writeName(words, at, places.name, serverName)
  if (identity !== null) writeIdentity(words, at, places.identity, identityText(identity))
}

/** Where it goes. */
export function writeEndpoint(words: Int32Array, at: number, decision: Decision): void {
  const { cluster, family, address, port } = decision
  words[at + Live.cluster] = cluster
  words[at + Live.endpointFamily] = family
  words[at + Live.endpointPort] = port
  for (let word = 0; word < ADDRESS; word++) words[at + Live.endpointAddress + word] = address[word]
}

/** The client and the requested address of a row, into `header`. */
export function readAddresses(words: Int32Array, at: number, header: ProxyHeader): void {
  header.clientFamily = words[at + Live.clientFamily] as Family | 0
  header.clientPort = words[at + Live.clientPort]
  header.destinationFamily = words[at + Live.destinationFamily] as Family | 0
  header.destinationPort = words[at + Live.destinationPort]
  for (let word = 0; word < ADDRESS; word++) {
    header.client[word] = words[at + Live.client + word]
    header.destination[word] = words[at + Live.destination + word]
  }
}
