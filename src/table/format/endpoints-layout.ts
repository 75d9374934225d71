/** The records of the endpoints part: what is dialed. */

import { layout } from '../../base/layout.ts'

/** The endpoints of the cluster at the same row: a run of `endpoints`. */
export const EndpointRun = layout(3, {
  first: [0, 1],
  count: [1, 1],
  equal: [2, 1], // 1: all of them have the same weight
})

export const Endpoint = layout(8, {
  family: [0, 1], // 4 or 6
  address: [1, 4],
  port: [5, 1],
  weight: [6, 1], // ≥ 1
  slot: [7, 1], //   its word in the shared counts
})
