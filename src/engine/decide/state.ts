/**
 * The life of a connection: the same states and moves in every engine.
 *
 *                                        ┌─ reset before a byte ─┐
 *                                        ▼                       │
 *   Free ──accept──▶ Reading ──decision──▶ Dialing ──connect──▶ Relaying ──end──▶ HalfClosed ──end──┐
 *     ▲                 └─ no route, a limit ──┴─ refusal, reset, deadline ──┴─────────┤             │
 *     └────────────────── all its sockets are closed ─────────────────────────────── Closing ◀───────┘
 *
 * Most connections need no reading before the decision, and leave Reading at once.
 *
 * An `end` counts once it has been passed on: first everything read before it, then the end itself.
 * Until then the deadlines of the previous state apply.
 */

import { assert } from '../../base/assert.ts'

export const State = { Free: 0, Reading: 1, Dialing: 2, Relaying: 3, HalfClosed: 4, Closing: 5 } as const
export type State = (typeof State)[keyof typeof State]

const NAMES = Object.keys(State)
const MOVED_FROM = NAMES.map(name => `a connection moved from ${name} to`)
const bit = (...states: readonly State[]): number =>
  states.reduce((bits: number, state) => bits | (1 << state), 0)

/** For each state, one bit per state that may follow. */
const NEXT: readonly number[] = [
  /* Free       */ bit(State.Reading),
  /* Reading    */ bit(State.Dialing, State.Closing),
  /* Dialing    */ bit(State.Relaying, State.Closing),
  /* Relaying   */ bit(State.Dialing, State.HalfClosed, State.Closing),
  /* HalfClosed */ bit(State.Closing),
  /* Closing    */ bit(State.Free),
]

/**
 * Returns `next` if the drawing has a move from `now`; any other move is a bug in weir, never a
 * peer's doing.
 */
export function move(now: State, next: State): State {
  assert(((NEXT[now] >>> next) & 1) === 1, MOVED_FROM[now], NAMES[next])
  return next
}
