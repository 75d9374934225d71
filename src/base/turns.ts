/**
 * Work on a thread that has an event loop to keep turning: one piece at a turn, so that what is
 * urgent (a probe, a file that changed, a worker that ended) waits for one piece at most, however
 * much has been asked for.
 *
 * Long work is written as a generator that yields wherever it can be left; a few milliseconds of it
 * are one piece.
 */

import { monotonicMs } from './clock.ts'

/** A piece of long work ends at the first `yield` after this time. */
const PIECE_MS = 2

const waiting: (() => void)[] = []

/** Calls `run` at a turn of its own; in the order in which it was asked for. */
export function atTurn(run: () => void): void {
  if (waiting.push(run) === 1) setImmediate(next)
}

function next(): void {
  const run = waiting.shift()
  if (waiting.length > 0) setImmediate(next)
  run?.()
}

/** What `work` returns, some turns later. */
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
