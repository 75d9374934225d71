/**
 * Live connections, one row each, in shared memory: anyone can read them without disturbing the
 * worker that serves them.
 *
 *   head: rows ever used │ the worker's clock │ last id        row: see `Live`
 *
 * Each worker has a buffer of its own and is its only writer. A row's version is odd while the row
 * is valid, and even while it is free or being written. A reader copies the row and accepts the
 * copy if the version was odd and has not changed (a seqlock: Lameter, "Effective Synchronization
 * on Linux/NUMA Systems", 2005). The byte counts and the time of the last byte change without a new
 * version: each is one 64-bit word. Rows that were never used take no memory.
 */

import { layout } from '../base/layout.ts'

/** Connections per worker: each takes a row of address space, used or not. */
export const LIVE_ROWS_MAX = 2 ** 20

/**
 * Words of 32 bits; values of two words are numbers (f64). Times without "wall" are on the worker's
 * clock, in records on the machine's.
 */
export const Live = layout(70, {
  version: [0, 1],
  state: [1, 1], //           Live states below; 0: nobody's
  series: [2, 1], //          row in the worker's series (series.ts)
  flags: [3, 1], //           Flags
  fromClient: [4, 2], //      bytes
  toUpstream: [6, 2], //      bytes that its kernel took
  fromUpstream: [8, 2],
  toClient: [10, 2],
  activeMs: [12, 2], //       when a byte last moved
  id: [14, 2], //             unique in a process
  acceptedMs: [16, 2],
  acceptedWallMs: [18, 2],
  generation: [20, 1], //     of the table that the rows below are of
  listener: [21, 1],
  scope: [22, 1], //          −1 here and below: none
  rule: [23, 1],
  route: [24, 1],
  cluster: [25, 1],
  serverName: [26, 1], //     where its name begins (row-names.ts); 0: the client asked for none
  workload: [27, 1], //       of the client; 0: unknown
  attempts: [28, 1], //       endpoints dialed
  connectUs: [29, 1], //      of the last dial
  decideNs: [30, 1],
  clientFamily: [31, 1], //   0: gone before weir could ask for it
  client: [32, 4],
  clientPort: [36, 1],
  destinationFamily: [37, 1],
  destination: [38, 4], //    as the client dialed it
  destinationPort: [42, 1],
  endpointFamily: [43, 1], // 0: none was dialed
  endpointAddress: [44, 4],
  endpointPort: [48, 1],
  errno: [49, 1], //          the kernel's last error for a socket that failed; 0: none
  peerFamily: [50, 1], //     0: the client itself; else a PROXY header named the client
  peer: [51, 4], //           the other end of its socket
  peerPort: [55, 1],
  policy: [56, 1], //           1 + the row of the rule that denied it, or would if dry runs counted; 0: none
  policyGeneration: [57, 1], // that of `policy`, if a later table denied it; 0: that above
  audited: [58, 1], //          1 + the row of the AUDIT rule that matched; 0: none
  source: [59, 1], //           1 + its entry in sources.ts, by the limit of all listeners; 0: none
  gatewaySource: [60, 1], //    the same by the limit of its Gateway
  firstByteUs: [61, 1], //      from connect to the upstream's first byte; 0: none has come
  connectedMs: [62, 2],
  identity: [64, 1], //         where its client's identity begins (row-names.ts); 0: no certificate
  identityBytes: [65, 1],
  kind: [66, 1], //             from here on of records only: RecordKind (records.ts)
  reason: [67, 1], //           −1: goes on
  endedMs: [68, 2],
})

/** Words for the server name of one row, and for its client's identity (row-names.ts). */
const SERVER_NAME_WORDS = 64
export const IDENTITY_WORDS = 192
export const NAME_WORDS = SERVER_NAME_WORDS + IDENTITY_WORDS

/** Where the server name of a row goes, and the identity of its client. */
export type NamePlaces = { readonly name: number; readonly identity: number }

/** The places of a single row, whose names come after it. */
export const ONLY_NAMES: NamePlaces = { name: Live.WORDS, identity: Live.WORDS + SERVER_NAME_WORDS }

/** The places of row `row` of `rows`, where the names of all begin at `from`. */
export const namePlaces = (from: number, rows: number, row: number): NamePlaces => ({
  name: from + row * SERVER_NAME_WORDS,
  identity: from + rows * SERVER_NAME_WORDS + row * IDENTITY_WORDS,
})

/** The states of engine/decide/state.ts that a row can have. */
export const LIVE_STATES = ['free', 'reading', 'dialing', 'relaying', 'half-closed'] as const
export type LiveState = (typeof LIVE_STATES)[number]
export const Stage = { reading: 1, dialing: 2, relaying: 3, halfClosed: 4 } as const

/** Which sides have ended, and whether the client began TLS; bits. */
export const Flags = { clientEnded: 1, upstreamEnded: 2, tls: 4 } as const

/** Before the rows of a worker. */
export const LiveHead = layout(6, {
  used: [0, 1], //     one above the highest row that was ever used
  generation: [1, 1], // what the worker has adopted last, and decides by; 0: nothing yet
  originMs: [2, 2], // what turns the worker's clock into the machine's (base/clock.ts)
  lastId: [4, 2], //   outlives the worker
})

/** The first word of a row. */
export const liveAt = (row: number): number => LiveHead.WORDS + row * Live.WORDS

/** Rows of one worker; one more than connections, for the one over the limit. */
export const liveRows = (maxConnections: number): number => Math.min(maxConnections, LIVE_ROWS_MAX) + 1

export const createConnections = (rows: number): SharedArrayBuffer =>
  new SharedArrayBuffer((liveAt(rows) + rows * NAME_WORDS) * 4)

/** The places for a row's names. */
export function liveNames(words: Int32Array, row: number): NamePlaces {
  const rows = Math.floor((words.length - LiveHead.WORDS) / (Live.WORDS + NAME_WORDS))
  return namePlaces(liveAt(rows), rows, row)
}

/**
 * A worker's rows as signed words and as numbers: word w of the one is number w / 2 of the other.
 */
export type LiveViews = { readonly words: Int32Array; readonly numbers: Float64Array }

export const openConnections = (buffer: SharedArrayBuffer): LiveViews => ({
  words: new Int32Array(buffer),
  numbers: new Float64Array(buffer),
})

/** The row is valid from here on. */
export function publishRow(words: Int32Array, at: number): void {
  Atomics.store(words, at + Live.version, words[at + Live.version] + 1)
}

/** The row is free, or about to be written. The load keeps later writes behind the store (ARM). */
export function withdrawRow(words: Int32Array, at: number): void {
  Atomics.store(words, at + Live.version, words[at + Live.version] + 1)
  Atomics.load(words, at + Live.version)
}
