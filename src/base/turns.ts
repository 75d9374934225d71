/**
 * Runs long work on the event loop in pieces, one piece per turn. So urgent events (a probe, a
 * changed file, a worker that ended) wait for one piece at most.
 *
 * Long work is a generator that yields where it can be interrupted. One piece takes a few
 * milliseconds.
 */

import { monotonicMs } from './clock.ts'

/** A piece of long work ends at the first `yield` after this time. */
const PIECE_MS = 2

const waiting: (() => void)[] = []

/** Calls `run` in its own turn, in order of the requests. */
export function atTurn(run: () => void): void {
  if (waiting.push(run) === 1) setImmediate(next)
}

function next(): void {
  const run = waiting.shift()
  if (waiting.length > 0) setImmediate(next)
  run?.()
}

/** The result of `work`, some turns later. */
export function inTurns<Result>(work: Generator<void, Result>): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const piece = (): void => {
    const untilMs = monotonicMs() + PIECE_MS
    try {
      do {
        const { done, value } = work.next()
        if (done) {
          resolve(value)
          return
        }
      } while (monotonicMs() < untilMs)
      atTurn(piece)
    } catch (error) {
      reject(error)
    }
  }
  piece()
  return promise
}
