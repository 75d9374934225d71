/**
 * The accept queue: connections that the kernel has completed and weir has not accepted.
 *
 * Closing a listener resets them, so weir accepts them first. The event loop asks the kernel once a
 * turn, level-triggered: a whole turn without a connection means that the queue was empty.
 */

import { setImmediate as turn } from 'node:timers/promises'

/**
 * Waits until a turn of the event loop brings no connection.
 *
 * @param accepted  The number of connections that the listener has accepted so far.
 * @param most      Waits for at most this many; later ones came after the order to close.
 */
export async function emptyQueue(accepted: () => number, most: number): Promise<void> {
  const before = accepted()
  await turn() // this turn may already be past its poll of the kernel
  for (let last = -1; last !== accepted() && last - before < most; ) {
    last = accepted()
    await turn()
  }
}
