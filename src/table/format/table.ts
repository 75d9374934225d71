/**
 * A table opened for reading: views on its sections, checked once so that the data path need not.
 *
 * Opening copies nothing. Any number of threads may read one table; nobody writes it (../build/builder.ts
 * filled it before it was published).
 */

import { unpack } from 'msgpackr'
import { assert } from '../../base/assert.ts'
import { viewTrie } from '../match/cidr-trie.ts'
import type { AddressBook } from '../match/find-node.ts'
import { type Cold, checksum } from './cold.ts'
import * as L from './layout.ts'

export type Table = {
  readonly buffer: SharedArrayBuffer
  readonly generation: number
  /** The listeners, in the order of their rows; those that `opens` are to be listened on. */
  readonly sockets: readonly TableListener[]
  readonly listeners: Uint32Array
  readonly scopes: Int32Array
  readonly rules: Uint32Array
  readonly prefixes: Uint32Array
  readonly routes: Uint32Array
  readonly splits: Uint32Array
  /** Schedules of exact splits and buckets of sticky ones: destinations, counted from the route's first. */
  readonly turns: Uint16Array
  readonly clusters: Int32Array
  readonly endpoints: Uint32Array
  /** The classifier's sections; see layout.ts. */
  readonly destinations: AddressBook
  readonly clients: AddressBook
  readonly destinationScopes: Uint32Array
  readonly destinationNodes: Uint32Array
  readonly clientNodes: Uint32Array
  readonly scopeIndex: Uint32Array
  readonly chains: Uint32Array
  readonly chainIndex: Uint32Array
  readonly shortlists: Uint32Array
  readonly shortlistIndex: Uint32Array
  readonly groups: Uint32Array
  readonly groupIndex: Uint32Array
  readonly parts: Int32Array
  readonly partIndex: Uint32Array
  readonly workloadRuns: Uint32Array
  readonly fulfilled: Uint32Array
  /** Rows of `conditionWords`: which source conditions each workload fulfils; row 0 is the unknown client. */
  readonly workloads: Uint32Array
  readonly conditionWords: number
}

/** A socket of the data plane. */
export type TableListener = {
  /** "default/tcp-gw 127.0.0.1:9000": the same over reloads, for people and for comparing. */
  readonly key: string
  /** 'mesh' or 'namespace/name'. */
  readonly gateway: string
  /** '' is every address, IPv4 and IPv6. */
  readonly bind: string
  readonly port: number
  /** The destination is the one before a redirect, not the socket's local address. */
  readonly original: boolean
  /** False: another listener has the socket, and this one is only there to be explained. */
  readonly opens: boolean
}

/** Why `buffer` is no table, or null: a foreign, truncated or damaged one is refused here. */
export function refusal(buffer: SharedArrayBuffer): string | null {
  if (buffer.byteLength < L.Header.WORDS * 4) return `${buffer.byteLength} bytes are too few for a header`
  const header = new Uint32Array(buffer, 0, L.Header.WORDS)
  if (header[L.Header.magic] !== L.MAGIC) return 'the magic number is not that of a table'
  if (header[L.Header.version] !== L.VERSION) {
    return `format version ${header[L.Header.version]} is not ${L.VERSION}`
  }
  if (header[L.Header.bytes] !== buffer.byteLength) {
    return `the header says ${header[L.Header.bytes]} bytes, there are ${buffer.byteLength}`
  }
  for (const [index, name] of L.SECTIONS.entries()) {
    const [offset, length] = sectionAt(header, index)
    if (offset % 4 !== 0 || offset < L.Header.WORDS * 4 || offset + length > buffer.byteLength) {
      return `section ${name} reaches outside`
    }
  }
  return checksum(buffer) === header[L.Header.checksum] ? null : 'the checksum does not match'
}

/** Opens a table for reading; a buffer that `refusal` refuses is a bug of whoever passed it. */
export function openTable(buffer: SharedArrayBuffer): Table {
  const reason = refusal(buffer)
  assert(reason === null, `not a table: ${reason}`)
  const header = new Uint32Array(buffer, 0, L.Header.WORDS)
  const words = (name: L.Section) => {
    const [offset, length] = sectionAt(header, L.SECTIONS.indexOf(name))
    return new Uint32Array(buffer, offset, length / 4)
  }
  const signed = (name: L.Section) => {
    const view = words(name)
    return new Int32Array(buffer, view.byteOffset, view.length)
  }
  const halves = (name: L.Section) => {
    const view = words(name)
    return new Uint16Array(buffer, view.byteOffset, view.length * 2)
  }
  const trie = (name: L.Section) => {
    const view = words(name)
    return viewTrie(buffer, view.byteOffset, view.byteLength)
  }
  const listeners = words('listeners')
  return {
    buffer,
    generation: header[L.Header.generation],
    sockets: (unpackSection(buffer, 'names') as L.Names).map((name, index) =>
      toSocket(name, listeners, index),
    ),
    listeners,
    scopes: signed('scopes'),
    rules: words('rules'),
    prefixes: words('prefixes'),
    routes: words('routes'),
    splits: words('splits'),
    turns: halves('turns'),
    clusters: signed('clusters'),
    endpoints: words('endpoints'),
    destinations: {
      hosts4: words('destinationHosts4'),
      hosts6: words('destinationHosts6'),
      ranges4: trie('destinationRanges4'),
      ranges6: trie('destinationRanges6'),
    },
    clients: {
      hosts4: words('clientHosts4'),
      hosts6: words('clientHosts6'),
      ranges4: trie('clientRanges4'),
      ranges6: trie('clientRanges6'),
    },
    destinationScopes: words('destinationScopes'),
    destinationNodes: words('destinationNodes'),
    clientNodes: words('clientNodes'),
    scopeIndex: words('scopeIndex'),
    chains: words('chains'),
    chainIndex: words('chainIndex'),
    shortlists: words('shortlists'),
    shortlistIndex: words('shortlistIndex'),
    groups: words('groups'),
    groupIndex: words('groupIndex'),
    parts: signed('parts'),
    partIndex: words('partIndex'),
    workloadRuns: words('workloadRuns'),
    fulfilled: words('fulfilled'),
    workloads: words('workloads'),
    conditionWords: header[L.Header.conditions],
  }
}

/** The table's cold section: decoding takes time in proportion to the rules, so never on the data path. */
export const readCold = (table: Table): Cold => unpackSection(table.buffer, 'cold') as Cold

function toSocket(name: L.Names[number], listeners: Uint32Array, index: number): TableListener {
  const row = index * L.Listener.WORDS
  const port = listeners[row + L.Listener.port]
  const address = name.bind === '' ? '*' : name.bind.includes(':') ? `[${name.bind}]` : name.bind
  return {
    ...name,
    key: `${name.gateway} ${address}:${port}`,
    port,
    original: listeners[row + L.Listener.original] === 1,
    opens: listeners[row + L.Listener.opens] === 1,
  }
}

function unpackSection(buffer: SharedArrayBuffer, name: L.Section): unknown {
  const header = new Uint32Array(buffer, 0, L.Header.WORDS)
  const [offset, length] = sectionAt(header, L.SECTIONS.indexOf(name))
  return unpack(new Uint8Array(buffer, offset, length).slice()) // msgpackr does not read shared memory
}

function sectionAt(header: Uint32Array, index: number): [offset: number, length: number] {
  const at = L.Header.sections + 2 * index
  return [header[at], header[at + 1]]
}
