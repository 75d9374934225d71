/**
 * Connections that have ended in this worker. endings.ts writes it; a drain reads how they ended,
 * and hand-over.ts how many were short.
 */

import { Reason } from '../../stats/reasons.ts'

/** Connections that last less than this are short. */
export const SHORT_MS = 100

export class Tally {
  /** By an order to drain or to stop. */
  reset = 0
  /** For any other reason. */
  closed = 0
  short = 0

  /** A connection is over; `lastedMs` is its duration. */
  count(reason: number, lastedMs: number): void {
    if (reason === Reason.drain || reason === Reason.stop) this.reset++
    else this.closed++
    if (lastedMs < SHORT_MS) this.short++
  }
}
