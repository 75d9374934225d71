/**
 * Open connections that the policies of a newer table deny: found among the live rows, and reset by
 * the workers over a time (`authorization.onChange: revoke`).
 *
 * A connection is asked about as it was decided: by its addresses, the server name that it asked
 * for, who it is by its certificate, and the listener that took it, which is found by its name. One
 * whose listener is gone is left alone; one that is still being read from has yet to be decided
 * about, by the newer policies (engine/decide/refuse.ts).
 */

import type { Family } from '../../address/address.ts'
import type { Order } from '../../engine/worker/protocol.ts'
import { Live, Stage } from '../../stats/connections.ts'
import { matchedOf } from '../../stats/match-names.ts'
import { certifiedOf } from '../../stats/read-row.ts'
import { nameOf } from '../../stats/row-names.ts'
import { openStats } from '../../stats/stats.ts'
import { AccessRow } from '../../table/format/access-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { authorize, createVerdict } from '../../table/match/authorize.ts'
import { createQuery, type Query } from '../../table/match/query.ts'
import type { Observer } from '../observe/observer.ts'
import { closeOrders, spreadOver } from './close-orders.ts'

type Denied = {
  readonly worker: number
  readonly row: number
  readonly id: number
  /** 1 + the row of the rule. */
  readonly policy: number
}

/** The connections that `table` denies. */
export function findDenied({ live, generations }: Observer, table: Table): Denied[] {
  const { access } = table
  if (access === null) return []
  const listeners = new Map(table.sockets.map((socket, listener) => [socket.key, listener]))
  const query = createQuery()
  const verdict = createVerdict()
  const denied: Denied[] = []
  live.visit((words, numbers, worker, row) => {
    if (words[Live.state] === Stage.reading) return true
    const listener = listeners.get(generations.names(matchedOf(words, 0)).listener)
    if (listener === undefined) return true
    fill(query, words, listener)
    if (!authorize(table, access, listener, query, null, verdict))
      denied.push({ worker, row, id: numbers[Live.id / 2], policy: verdict.denied + 1 })
    return true
  })
  return denied
}

/** The order for each worker; the times are spread evenly, with jitter. */
export function revocation(
  denied: readonly Denied[],
  generation: number,
  overMs: number,
  random?: () => number,
): Map<number, Order> {
  return closeOrders(spreadOver(denied, overMs, random), own => ({
    denied: { generation, policies: Int32Array.from(own, each => each.policy) },
  }))
}

/** Counts them at the rules that deny them, as if those had been checked first. */
export function countDenied(stats: SharedArrayBuffer, { access }: Table, denied: readonly Denied[]): void {
  if (access === null) return
  const { policyMatches } = openStats(stats)
  for (const { policy } of denied)
    Atomics.add(policyMatches, access.rows[(policy - 1) * AccessRow.WORDS + AccessRow.slot], 1)
}

function fill(query: Query, words: Int32Array, listener: number): void {
  query.listener = listener
  query.clientFamily = words[Live.clientFamily] as Family | 0
  query.peerFamily = words[Live.peerFamily] as Family | 0
  query.destinationFamily = words[Live.destinationFamily] as Family | 0
  query.destinationPort = words[Live.destinationPort]
  for (let word = 0; word < 4; word++) {
    query.client[word] = words[Live.client + word]
    query.peer[word] = words[Live.peer + word]
    query.destination[word] = words[Live.destination + word]
  }
  query.serverName = nameOf(words, 0)
  query.identity = certifiedOf(words, 0)
}
