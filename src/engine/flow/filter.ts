/**
 * A filter stands between one side's socket and the flows, such as a TLS session. It gets the bytes
 * from and for its side, and passes on the result:
 *
 *   socket ─▶ said ──▶ passage.pass ─▶ the other side          saidEnd ─▶ passage.passEnd
 *   socket ◀─ flows.put ◀──── tell ◀── the other side          tellEnd ─▶ flows.putEnd
 *
 * It may hold bytes, change them, send bytes of its own at any time (an answer in a handshake,
 * before there is another side), and end the connection (`Endings.break`). A port without a filter
 * takes the same path after one check of a bit.
 *
 * A filter that cannot tell its side yet, as in a handshake, keeps its input, and calls
 * `Flows.hold` to stop further input until `resume`. It may keep an end without that: an end comes
 * once, and nothing follows it.
 *
 * It owns each buffer that it gets: it passes or puts the buffer, with the same or other bytes, or
 * gives it back (queues.ts). One filter serves many connections; slot and side tell which one.
 */

import type { Side } from './slots.ts'

export interface Filter {
  /** Whether it passes bytes unchanged from now on, so that bulk can bypass it. */
  readonly isTransparent: boolean
  /** @param more  More bytes follow at once, or the end does. */
  said(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void
  /** The side's stream has ended, by the kernel; what it sent may still be incomplete. */
  saidEnd(slot: number, side: Side): void
  tell(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void
  /** No more input follows; its last words go before `putEnd`. */
  tellEnd(slot: number, side: Side): void
  /** The connection is over; nothing may be called for it. */
  closed(slot: number, side: Side): void
}
