/**
 * A table opened for reading: views on its sections, checked once so that the data path need not.
 *
 * Opening copies nothing. Any number of threads may read a table; nothing writes it
 * (../build/builder.ts filled it before it was published). A table never changes: a new endpoints
 * or clients part makes a new `Table`, which shares the other views. So the holder of a `Table`
 * sees consistent rows, whatever is published meanwhile.
 */

import { assert } from '../../base/assert.ts'
import { type AddressSet, viewSets } from '../match/address-set.ts'
import type { AddressBook } from '../match/find-node.ts'
import type { TcpTimes } from '../plan/policy.ts'
import { type Access, viewAccess } from './access.ts'
import type { Cold, ColdWorkload } from './cold.ts'
import type { PackedCold } from './cold-rules.ts'
import { type EndpointViews, viewEndpoints } from './endpoints.ts'
import * as L from './layout.ts'
import type { NameIndex } from './name-index.ts'
import { Listener } from './routing-layout.ts'
import { unpackedCold } from './rule-columns.ts'
import { Sections, unpackSection } from './sections.ts'
import type { TlsRows } from './tls.ts'

/** A table's parts, as passed between threads. */
export type TableBuffers = Readonly<Record<L.PartName, SharedArrayBuffer>>

export type Table = RoutingViews & EndpointViews & ClientViews & { readonly buffers: TableBuffers }

type RoutingViews = {
  readonly generation: number
  /** The listeners, in the order of their rows; those with `opens` have a socket. */
  readonly sockets: readonly TableListener[]
  readonly listeners: Uint32Array
  readonly scopes: Int32Array
  readonly rules: Uint32Array
  readonly prefixes: Uint32Array
  readonly routes: Uint32Array
  readonly splits: Uint32Array
  /**
   * Schedules of exact splits and buckets of sticky ones: destinations, counted from the route's
   * first.
   */
  readonly turns: Uint16Array
  readonly clusters: Int32Array
  /** The classifier's sections; see layout.ts. */
  readonly destinations: AddressBook
  readonly destinationScopes: Uint32Array
  readonly destinationNodes: Uint32Array
  readonly clientParents: Uint32Array
  readonly scopeIndex: Uint32Array
  readonly serverNames: NameIndex
  readonly serverNameParents: Uint32Array
  readonly namedScopes: Uint32Array
  readonly chains: Uint32Array
  readonly chainIndex: Uint32Array
  readonly shortlists: Uint32Array
  readonly shortlistIndex: Uint32Array
  readonly groups: Uint32Array
  readonly groupIndex: Uint32Array
  readonly parts: Int32Array
  readonly partIndex: Uint32Array
  readonly addressSets: readonly AddressSet[]
  /** Access control; null: everybody may connect. */
  readonly access: Access | null
  /** What `tlsServerOf` and `tlsUpstreamOf` (tls.ts) find. */
  readonly tls: TlsRows
}

type ClientViews = {
  readonly clientsRevision: number
  readonly clients: AddressBook
  readonly clientNodes: Uint32Array
  /**
   * Rows of `conditionWords`: which source conditions each workload fulfils; row 0 is the unknown
   * client.
   */
  readonly workloads: Uint32Array
  readonly conditionWords: number
  readonly workloadRuns: Uint32Array
  readonly fulfilled: Uint32Array
}

/** A socket of the data plane. */
export type TableListener = {
  /** "default/tcp-gw 127.0.0.1:9000": the same over reloads, for people and for comparing. */
  readonly key: string
  /** 'mesh' or 'namespace/name'. */
  readonly gateway: string
  /** '': every address, IPv4 and IPv6. */
  readonly bind: string
  readonly port: number
  /** The destination is the one before a redirect, not the socket's local address. */
  readonly original: boolean
  /**
   * False: another listener has the socket, and this one exists only for explanations and names.
   */
  readonly opens: boolean
  /** The listener of the socket: itself, or the one whose socket it shares. */
  readonly socket: number
  /** Whether it can have connections: the socket is opened. */
  readonly serves: boolean
  /** How its socket, from which those of its clients inherit it, finds out that a peer is gone. */
  readonly tcp: TcpTimes
}

/** Opens a table for reading; buffers that `refusal` refuses are a bug of the caller. */
export function openTable(buffers: TableBuffers): Table {
  const routing = viewRouting(new Sections(buffers.routing, 'routing'))
  const endpoints = endpointsOf(partOf(routing, buffers.endpoints, 'endpoints'))
  const clients = viewClients(partOf(routing, buffers.clients, 'clients'))
  return join(buffers, routing, endpoints, clients)
}

/** The table with the newest endpoints in a part of its generation. */
export function withEndpoints(table: Table, buffer: SharedArrayBuffer): Table {
  const endpoints = endpointsOf(partOf(table, buffer, 'endpoints'))
  return join({ ...table.buffers, endpoints: buffer }, table, endpoints, table)
}

/** The table with another clients part of its generation. */
export function withClients(table: Table, buffer: SharedArrayBuffer): Table {
  const clients = viewClients(partOf(table, buffer, 'clients'))
  return join({ ...table.buffers, clients: buffer }, table, table, clients)
}

export const withPart = (table: Table, part: 'endpoints' | 'clients', buffer: SharedArrayBuffer): Table =>
  part === 'endpoints' ? withEndpoints(table, buffer) : withClients(table, buffer)

/**
 * The table's cold section: decoding takes time in proportion to the rules, so never on the data
 * path.
 */
export const readCold = ({ buffers }: Table): Cold =>
  unpackedCold(unpackSection(buffers.routing, 'routing', 'cold') as PackedCold)

/** The workloads in words, by row of `workloads`. */
export const readWorkloads = ({ buffers }: Table): readonly ColdWorkload[] =>
  unpackSection(buffers.clients, 'clients', 'workloadNames') as ColdWorkload[]

/** A part to join to a routing part, which must be of the same generation. */
function partOf<Part extends L.PartName>(
  { generation }: Pick<Table, 'generation'>,
  buffer: SharedArrayBuffer,
  part: Part,
): Sections<Part> {
  const sections = new Sections(buffer, part)
  const own = sections.header[L.Header.generation]
  assert(own === generation, `${part} of generation ${own} for generation ${generation}`)
  return sections
}

function viewRouting(sections: Sections<'routing'>): RoutingViews {
  const listeners = sections.words('listeners')
  return {
    generation: sections.header[L.Header.generation],
    sockets: (sections.unpacked('routing', 'names') as L.Names).map((name, index) =>
      toSocket(name, listeners, index),
    ),
    listeners,
    scopes: sections.signed('scopes'),
    rules: sections.words('rules'),
    prefixes: sections.words('prefixes'),
    routes: sections.words('routes'),
    splits: sections.words('splits'),
    turns: sections.halves('turns'),
    clusters: sections.signed('clusters'),
    destinations: {
      hosts4: sections.words('destinationHosts4'),
      hosts6: sections.words('destinationHosts6'),
      ranges4: sections.trie('destinationRanges4'),
      ranges6: sections.trie('destinationRanges6'),
    },
    destinationScopes: sections.words('destinationScopes'),
    destinationNodes: sections.words('destinationNodes'),
    clientParents: sections.words('clientParents'),
    scopeIndex: sections.words('scopeIndex'),
    serverNames: { words: sections.words('serverNames'), text: sections.bytes('serverNameText') },
    serverNameParents: sections.words('serverNameParents'),
    namedScopes: sections.words('namedScopes'),
    chains: sections.words('chains'),
    chainIndex: sections.words('chainIndex'),
    shortlists: sections.words('shortlists'),
    shortlistIndex: sections.words('shortlistIndex'),
    groups: sections.words('groups'),
    groupIndex: sections.words('groupIndex'),
    parts: sections.signed('parts'),
    partIndex: sections.words('partIndex'),
    addressSets: viewSets(sections.words('addressSets')),
    access: viewAccess(sections),
    tls: sections.unpacked('routing', 'tls') as TlsRows,
  }
}

const endpointsOf = (sections: Sections<'endpoints'>): EndpointViews =>
  viewEndpoints(sections.header, sections.words('endpoints'))

const viewClients = (sections: Sections<'clients'>): ClientViews => ({
  clientsRevision: sections.header[L.Header.revision],
  clients: {
    hosts4: sections.words('clientHosts4'),
    hosts6: sections.words('clientHosts6'),
    ranges4: sections.trie('clientRanges4'),
    ranges6: sections.trie('clientRanges6'),
  },
  clientNodes: sections.words('clientNodes'),
  workloads: sections.words('workloads'),
  conditionWords: sections.header[L.Header.conditions],
  workloadRuns: sections.words('workloadRuns'),
  fulfilled: sections.words('fulfilled'),
})

/** Field by field: V8 gives an object that is built by spreads a slow, or a second, shape. */
function join(buffers: TableBuffers, routing: RoutingViews, ends: EndpointViews, who: ClientViews): Table {
  return {
    buffers,
    generation: routing.generation,
    sockets: routing.sockets,
    listeners: routing.listeners,
    scopes: routing.scopes,
    rules: routing.rules,
    prefixes: routing.prefixes,
    routes: routing.routes,
    splits: routing.splits,
    turns: routing.turns,
    clusters: routing.clusters,
    destinations: routing.destinations,
    destinationScopes: routing.destinationScopes,
    destinationNodes: routing.destinationNodes,
    clientParents: routing.clientParents,
    scopeIndex: routing.scopeIndex,
    serverNames: routing.serverNames,
    serverNameParents: routing.serverNameParents,
    namedScopes: routing.namedScopes,
    chains: routing.chains,
    chainIndex: routing.chainIndex,
    shortlists: routing.shortlists,
    shortlistIndex: routing.shortlistIndex,
    groups: routing.groups,
    groupIndex: routing.groupIndex,
    parts: routing.parts,
    partIndex: routing.partIndex,
    addressSets: routing.addressSets,
    access: routing.access,
    tls: routing.tls,
    endpointsRevision: ends.endpointsRevision,
    endpoints: ends.endpoints,
    endpointRoot: ends.endpointRoot,
    endpointTop: ends.endpointTop,
    endpointLevels: ends.endpointLevels,
    clientsRevision: who.clientsRevision,
    clients: who.clients,
    clientNodes: who.clientNodes,
    workloads: who.workloads,
    conditionWords: who.conditionWords,
    workloadRuns: who.workloadRuns,
    fulfilled: who.fulfilled,
  }
}

function toSocket(name: L.Names[number], listeners: Uint32Array, index: number): TableListener {
  const row = index * Listener.WORDS
  const socket = name.shares ?? index
  const port = listeners[row + Listener.port]
  const address = name.bind === '' ? '*' : name.bind.includes(':') ? `[${name.bind}]` : name.bind
  return {
    gateway: name.gateway,
    bind: name.bind,
    key: `${name.gateway} ${address}:${port}`,
    port,
    original: listeners[row + Listener.original] === 1,
    opens: listeners[row + Listener.opens] === 1,
    socket,
    serves: listeners[socket * Listener.WORDS + Listener.opens] === 1,
    tcp: tcpOf(listeners, row),
  }
}

function tcpOf(listeners: Uint32Array, row: number): TcpTimes {
  const probes = listeners[row + Listener.keepaliveProbes]
  const timeS = listeners[row + Listener.keepaliveTimeS]
  const intervalS = listeners[row + Listener.keepaliveIntervalS]
  return {
    keepalive: probes === 0 ? null : { timeS, intervalS, probes },
    userTimeoutMs: listeners[row + Listener.userTimeoutMs],
    writeTimeoutMs: listeners[row + Listener.writeTimeoutMs],
  }
}
