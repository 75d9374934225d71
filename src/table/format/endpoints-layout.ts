/**
 * The records of the endpoints part: what is dialed.
 *
 * The part is an arena, to which words are appended and in which none is changed. The header says
 * where the newest revision begins. A revision is a root, a tree of pages by cluster, and rows.
 * What it shares with the one before, it has not written again:
 *
 *   Header.newest ─▶ root ─▶ node ─▶ … ─▶ page: runs of 64 clusters ─▶ rows
 *                       └ 64 places, each a node below, or a page; 0: none
 */

import { layout } from '../../base/layout.ts'

/** A place in the arena, in words, is a multiple of this. */
export const ALIGNED = 8

/** Clusters in a page, and places in a node: a cluster's number in digits of 6 bits finds it. */
export const DIGIT_BITS = 6
export const FAN_OUT = 1 << DIGIT_BITS

/** A revision: where its tree begins, and what it has written. */
export const Root = layout(8, {
  revision: [0, 1], //  how many parts of this kind the generation had before
  top: [1, 1], //       the node, or the only page
  levels: [2, 1], //    nodes above a page
  clusters: [3, 1],
  rows: [4, 1], //      endpoints of all clusters
  from: [5, 1], //      the first word that the revision has written; it ends with its root
  checksum: [6, 1], //  CRC-32 of those words, but for this one and the next
  spare: [7, 1],
})

/** The endpoints of a cluster: a run of rows of the arena. */
export const EndpointRun = layout(3, {
  first: [0, 1],
  count: [1, 1],
  equal: [2, 1], // 1: all of them have the same weight
})

/** Row `n` begins at word `n × size` of the arena. */
export const Endpoint = layout(8, {
  family: [0, 1], // 4 or 6
  address: [1, 4],
  port: [5, 1],
  weight: [6, 1], // ≥ 1
  slot: [7, 1], //   its word in the shared counts
})
