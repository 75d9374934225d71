/**
 * The records of the endpoints part: what weir dials.
 *
 * The part is an arena: words are appended and never changed. The header says where the newest
 * revision begins. A revision is a root, a tree of pages by cluster, and rows. It shares unchanged
 * nodes and rows with the one before:
 *
 *   Header.newest ─▶ root ─▶ node ─▶ … ─▶ page: runs of 64 clusters ─▶ rows, and tables behind them
 *                       └ 64 places, each a node below, or a page; 0: none
 */

import { layout } from '../../base/layout.ts'

/** A position in the arena is a multiple of this, in words. */
export const ALIGNED = 8

/** Clusters in a page, and slots in a node: the digits of 6 bits of a cluster's number find it. */
export const DIGIT_BITS = 6
export const FAN_OUT = 1 << DIGIT_BITS

/** A revision: the root of its tree, and the words that it has written. */
export const Root = layout(8, {
  revision: [0, 1], //  how many parts of this kind the generation had before
  top: [1, 1], //       the node, or the only page
  levels: [2, 1], //    nodes above a page
  clusters: [3, 1],
  rows: [4, 1], //      endpoints of all clusters
  from: [5, 1], //      the first word that the revision has written; it ends with its root
  behind: [6, 1], //    words behind the rows of all clusters: tables, and groups
  checksum: [7, 1], //  CRC-32 of those words, without this one
})

/** The endpoints of a cluster: a run of rows of the arena. */
export const EndpointRun = layout(5, {
  first: [0, 1],
  count: [1, 1],
  equal: [2, 1], //  1: all of them have the same weight
  table: [3, 1], //  words of the table behind the rows, of consistent hashing or of turns; 0: none
  groups: [4, 1], // groups, whose records stand behind that table; 0: all endpoints are drawn as one
})

/**
 * The turns of ROUND_ROBIN with different weights: this, and the schedule of a short cycle, which
 * says for each turn the endpoint's place in the run.
 */
export const Turns = layout(3, {
  length: [0, 1], // of a cycle; 0: there is none
  step: [1, 1], //   from a turn's position to the next one's; 0: a schedule follows
  unit: [2, 1], //   the weight of a position
})

/** Endpoints of one priority and locality: rows that follow each other, by priority. */
export const EndpointGroup = layout(5, {
  from: [0, 1], //     its first row, counted from the cluster's
  count: [1, 1],
  priority: [2, 1],
  share: [3, 1], //    the locality's weight in its priority; 0: localities are drawn as one
  locality: [4, 1], // index into the cluster's localities
})

/** Row `n` begins at word `n × size` of the arena. */
export const Endpoint = layout(8, {
  family: [0, 1], // 4 or 6
  address: [1, 4],
  port: [5, 1],
  weight: [6, 1], // ≥ 1
  slots: [7, 1], //  its words in the shared counts: low half: of the address; high half: within the cluster, 0: not kept
})
