/** The endpoints part, opened for reading: its newest revision, and where a cluster's run is. */

import { crc32 } from 'node:zlib'
import { ALIGNED, DIGIT_BITS, Endpoint, EndpointRun, FAN_OUT, Root } from './endpoints-layout.ts'
import { Header } from './layout.ts'

const SLOT_BITS = 16
const SLOT_MASK = 2 ** SLOT_BITS - 1

export type EndpointViews = {
  readonly endpointsRevision: number
  /** The arena, which contains the rows, too. */
  readonly endpoints: Uint32Array
  /** The position of its root; words behind it belong to later revisions. */
  readonly endpointRoot: number
  readonly endpointTop: number
  readonly endpointLevels: number
}

/** Why the newest revision is unreadable, or null. */
export function endpointsRefusal(header: Uint32Array, endpoints: Uint32Array): string | null {
  const root = Atomics.load(header, Header.newest)
  if (root % ALIGNED !== 0 || root + Root.WORDS > endpoints.length) return 'the newest endpoints are outside'
  if (endpoints[root + Root.from] > root) return 'the newest endpoints begin behind their root'
  const isWhole = endpoints[root + Root.checksum] === endpointsChecksum(endpoints, root)
  return isWhole ? null : 'the checksum does not match'
}

/** The newest revision. */
export function viewEndpoints(header: Uint32Array, endpoints: Uint32Array): EndpointViews {
  const root = Atomics.load(header, Header.newest)
  return {
    endpointsRevision: endpoints[root + Root.revision],
    endpoints,
    endpointRoot: root,
    endpointTop: endpoints[root + Root.top],
    endpointLevels: endpoints[root + Root.levels],
  }
}

/** CRC-32 of the words that the revision of this root has written. */
export const endpointsChecksum = (endpoints: Uint32Array, root: number): number =>
  crc32(endpoints.subarray(endpoints[root + Root.from], root + Root.checksum) as Uint32Array<ArrayBuffer>)

/** The slot of an endpoint's address and port, whose row begins at word `at`. */
export const slotAt = (endpoints: Uint32Array, at: number): number =>
  endpoints[at + Endpoint.slots] & SLOT_MASK

/** The slot of the endpoint within its cluster; 0: nothing is kept of it there. */
export const memberSlotAt = (endpoints: Uint32Array, at: number): number =>
  endpoints[at + Endpoint.slots] >>> SLOT_BITS

/** Both, as one word. */
export const packSlots = (slot: number, memberSlot: number): number =>
  ((memberSlot << SLOT_BITS) | slot) >>> 0

/** The number of endpoints of all clusters. */
export const countEndpoints = ({ endpoints, endpointRoot }: EndpointViews): number =>
  endpoints[endpointRoot + Root.rows]

/** The positions of all rows that some cluster has. */
export function* eachRow(views: EndpointViews): Generator<number> {
  const { endpoints, endpointRoot } = views
  for (let cluster = 0; cluster < endpoints[endpointRoot + Root.clusters]; cluster++) {
    const run = runOf(views, cluster)
    const first = endpoints[run + EndpointRun.first]
    for (let row = first; row < first + endpoints[run + EndpointRun.count]; row++) yield row * Endpoint.WORDS
  }
}

/** The position of the first group of a run that has some. */
export const groupsAt = (endpoints: Uint32Array, run: number): number =>
  (endpoints[run + EndpointRun.first] + endpoints[run + EndpointRun.count]) * Endpoint.WORDS +
  endpoints[run + EndpointRun.table]

/** The position of a cluster's run (`EndpointRun`) in the arena. */
export function runOf(
  {
    endpoints,
    endpointTop,
    endpointLevels,
  }: Pick<EndpointViews, 'endpoints' | 'endpointTop' | 'endpointLevels'>,
  cluster: number,
): number {
  let at = endpointTop
  for (let shift = endpointLevels * DIGIT_BITS; shift > 0; shift -= DIGIT_BITS)
    at = endpoints[at + ((cluster >>> shift) & (FAN_OUT - 1))]
  return at + (cluster & (FAN_OUT - 1)) * EndpointRun.WORDS
}
