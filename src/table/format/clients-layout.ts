/** The records of the clients part: who a client is, by its address. */

import { layout } from '../../base/layout.ts'

/**
 * A client prefix, of a rule or of a workload. The rules' nodes have their own numbers, so that
 * rules do not change with workloads: `clientParents` has for each of those the next wider one.
 */
export const ClientNode = layout(2, {
  ruleNode: [0, 1], // the rules' node of the longest prefix of a rule around it, itself included
  workload: [1, 1], // row of `workloads` for the longest source range around it; row 0 is the unknown client
})

/** Which conditions a workload fulfils: a run of `fulfilled`. */
export const WorkloadRun = layout(2, {
  first: [0, 1],
  count: [1, 1],
})
