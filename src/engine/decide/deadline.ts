/**
 * When a connection times out, and for which reason: the same in every engine. In state Reading,
 * the reader defines what a timeout means (reader.ts).
 *
 * All times are milliseconds on the monotonic clock. An engine asks `deadlineMs` when to check
 * again, and `overdue` when it checks; a byte that moves only stores the time, so it costs no
 * timer.
 */

import { Reason } from '../../stats/reasons.ts'
import { State } from './state.ts'

/** The reader's time is up. */
export const READ_LATE = -2
/** No time is up. */
export const IN_TIME = -1

type Times = {
  /** The deadline for reading; counts in Reading only. */
  readUntilMs: number
  /** When it was accepted. */
  acceptedMs: number
  /** When the dial in progress began. */
  dialedMs: number
  /** When a byte last came from a side, or went to one. */
  activeMs: number
  /** The deadline for the upstream to agree to TLS; Infinity: none (starttls). */
  agreeUntilMs: number
  /**
   * By the side that they come from: since when its bytes wait for the other side's socket to take
   * one; 0: none wait.
   */
  clientOwedMs: number
  upstreamOwedMs: number
}

type Allowances = {
  readonly connectTimeoutMs: number
  /** 0: none, here and below. */
  readonly idleTimeoutMs: number
  readonly maxDurationMs: number
  readonly writeTimeoutMs: number
}

/** When to check the connection next; Infinity without any limit. */
export function deadlineMs(state: State, times: Times, allowed: Allowances): number {
  if (state === State.Reading) return times.readUntilMs
  const sidesMs = Math.min(
    takenUntilMs(times.clientOwedMs, allowed),
    takenUntilMs(times.upstreamOwedMs, allowed),
  )
  return Math.min(stageDeadlineMs(state, times, allowed), endMs(times, allowed), sidesMs)
}

/** The reason for which the connection times out, READ_LATE, or IN_TIME. */
export function overdue(state: State, times: Times, allowed: Allowances, nowMs: number): number {
  if (state === State.Reading) return nowMs < times.readUntilMs ? IN_TIME : READ_LATE
  if (nowMs >= endMs(times, allowed)) return Reason['max-duration']
  if (nowMs >= takenUntilMs(times.upstreamOwedMs, allowed)) return Reason['client-stalled']
  if (nowMs >= takenUntilMs(times.clientOwedMs, allowed)) return Reason['upstream-stalled']
  if (nowMs < stageDeadlineMs(state, times, allowed)) return IN_TIME
  if (state === State.Dialing) return Reason['connect-timeout']
  return nowMs >= times.agreeUntilMs ? Reason['starttls-timeout'] : Reason['idle-timeout']
}

function stageDeadlineMs(state: State, times: Times, allowed: Allowances): number {
  if (state === State.Dialing) return times.dialedMs + allowed.connectTimeoutMs
  if (state === State.Closing) return Number.POSITIVE_INFINITY
  if (allowed.idleTimeoutMs === 0) return times.agreeUntilMs
  return Math.min(times.agreeUntilMs, times.activeMs + allowed.idleTimeoutMs)
}

/** Until when a side must have taken one of the bytes that wait for it since `owedMs`. */
const takenUntilMs = (owedMs: number, { writeTimeoutMs }: Allowances): number =>
  owedMs === 0 || writeTimeoutMs === 0 ? Number.POSITIVE_INFINITY : owedMs + writeTimeoutMs

const endMs = (times: Times, allowed: Allowances): number =>
  allowed.maxDurationMs === 0 ? Number.POSITIVE_INFINITY : times.acceptedMs + allowed.maxDurationMs
