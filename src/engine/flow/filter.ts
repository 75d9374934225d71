/**
 * A filter: what stands between one side's socket and the flows, such as a session that encrypts.
 * It is told what the side says and what the side is to be told, and calls `Flows` with what
 * becomes of that:
 *
 *   socket ─▶ said ──▶ flows.pass ─▶ the other side          saidEnd ─▶ flows.passEnd
 *   socket ◀─ flows.put ◀── tell ◀── the other side          tellEnd ─▶ flows.putEnd
 *
 * It may keep bytes until it has enough of them, change them, put words of its own at any time (an
 * answer in a handshake, before there is another side), and end the connection (`Endings.break`). A
 * port without a filter goes the same way, by one look at a bit.
 *
 * A filter that cannot tell its side yet, as in a handshake, keeps what it is told, and calls
 * `Flows.hold` so that it is told no more, until `resume`. The same goes for an end that it keeps.
 *
 * A buffer that it is given is its own: it is passed or put, as it is or with other bytes in it, or
 * given back (queues.ts). One filter serves many connections, so it knows by slot and side which is
 * meant.
 */

import type { Side } from './slots.ts'

export interface Filter {
  /** Whether it changes nothing any more: bulk then goes past it. */
  readonly isTransparent: boolean
  /** @param more  Others follow at once, or the end does. */
  said(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void
  /**
   * The side's stream has ended, as the kernel says: what was said may be incomplete all the same.
   */
  saidEnd(slot: number, side: Side): void
  tell(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void
  /** Nothing follows after what it was told; last words go before `putEnd`. */
  tellEnd(slot: number, side: Side): void
  /** The connection is over, in whatever way; nothing may be called for it. */
  closed(slot: number, side: Side): void
}
