/**
 * Orders to workers to close connections, each at a time of its own.
 *
 * The times are spread evenly over the connections, in random order with jitter, so clients do not
 * reconnect all at once.
 */

import type { Order } from '../../engine/worker/protocol.ts'
import type { Connection } from '../../stats/live-connections.ts'

/** A connection, and when to close it. */
type Timed = Pick<Connection, 'worker' | 'row' | 'id'> & { readonly afterMs: number }

/** Why: a `Reason`, or the rules of policies that deny them; in the order of the connections. */
type Why = Pick<Extract<Order, { kind: 'close' }>, 'reason' | 'denied'>

/**
 * The order for each worker; workers without such connections are missing.
 *
 * @param whyOf  Called with a worker's connections, in the order of their times.
 */
export function closeOrders<One extends Timed>(
  timed: readonly One[],
  whyOf: (own: readonly One[]) => Why,
): Map<number, Order> {
  const ascending = timed.toSorted((left, right) => left.afterMs - right.afterMs)
  return new Map(
    [...Map.groupBy(ascending, ({ worker }) => worker)].map(([worker, own]): [number, Order] => [
      worker,
      {
        kind: 'close',
        rows: Int32Array.from(own, each => each.row),
        ids: Float64Array.from(own, each => each.id),
        afterMs: Float64Array.from(own, each => each.afterMs),
        ...whyOf(own),
      },
    ]),
  )
}

/** Fisher and Yates, 1938. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const all = [...list]
  for (let left = all.length - 1; left > 0; left--) {
    const other = Math.floor(random() * (left + 1))
    ;[all[left], all[other]] = [all[other], all[left]]
  }
  return all
}

/** Assigns each its time: in random order, spread evenly, with jitter. */
export function spreadOver<T extends object>(
  list: readonly T[],
  overMs: number,
  random: () => number = Math.random,
): (T & { readonly afterMs: number })[] {
  const stepMs = overMs / list.length
  return shuffled(list, random).map((each, index) => ({ ...each, afterMs: (index + random()) * stepMs }))
}
