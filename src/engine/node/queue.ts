/**
 * The accept queue: connections that the kernel has completed and weir has not accepted.
 *
 * Closing a listener resets them, so weir accepts them first. The event loop asks the kernel once a
 * turn, level-triggered: a whole turn without a connection says that the queue was empty.
 */

import { setImmediate as turn } from 'node:timers/promises'

/**
 * Waits until a turn of the event loop brings no connection.
 *
 * @param accepted  How many connections the listener has accepted so far.
 * @param most      No more than these are waited for; later ones came after the listener was to go.
 */
export async function emptyQueue(accepted: () => number, most: number): Promise<void> {
  const before = accepted()
  await turn() // the rest of this turn may come after its look at the kernel
  for (let last = -1; last !== accepted() && last - before < most; ) {
    last = accepted()
    await turn()
  }
}
