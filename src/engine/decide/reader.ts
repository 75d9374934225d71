/**
 * Bytes that a connection sends for weir itself, before the decision: a load balancer's header, the
 * server name of a TLS client.
 *
 *   accepted ─▶ begin ─┬─ false ─────────────────────────────────────▶ decided
 *                      └─ true ─▶ bytes, end, deadline ─▶ read ─┬─ a number of bytes ─▶ decided
 *                                          ▲                    ├─ refusal(reason) ──▶ reset
 *                                          └─────── MORE ───────┘
 *
 * An engine receives and keeps the bytes; a reader parses them and writes its findings into the
 * arrival. All bytes that it does not consume go on to the upstream unchanged, and only those are
 * counted.
 */

import type { Arrival } from './arrival.ts'

/** Why a reader is called: new bytes, the client's end, or a timeout. */
export const Asked = { bytes: 0, end: 1, late: 2 } as const
export type Asked = (typeof Asked)[keyof typeof Asked]

/** Bytes that an engine keeps for a reader; a reader that needs more is a bug. */
export const READ_BYTES_MAX = 96 * 1024

/** More bytes are needed: an answer to `Asked.bytes` only. */
export const MORE = -1

/** The answer that ends the connection, by its `Reason`. */
export const refusal = (reason: number): number => -2 - reason

/** The reason of a refusal, or −1. */
export const refusedFor = (answer: number): number => (answer <= -2 ? -2 - answer : -1)

export interface Reader {
  /**
   * Whether weir has to read first. If so, `arrival.readUntilMs` is set, which a later answer may
   * move; listener and addresses are in the query. `arrival.refusal` is set for a connection to
   * reset at once.
   */
  begin(arrival: Arrival, nowMs: number): boolean
  /**
   * Reads.
   *
   * @param bytes  All bytes so far, valid during the call.
   * @returns How many of the first bytes are not for the upstream, or MORE, or `refusal(reason)`.
   * With MORE, `arrival.reply` may be a byte to send to the client.
   */
  read(arrival: Arrival, bytes: Uint8Array, asked: Asked): number
}
