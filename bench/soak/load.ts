/**
 * The load of `soak`: long connections with occasional requests, and short ones until there were
 * enough.
 */

import type { Generator } from '../load/generator.ts'
import type { Outcome } from '../load/job.ts'

export type Amount = {
  /** Short ones. */
  readonly connections: number
  /** Long ones, open from the first to the last. */
  readonly held: number
  /** The length of a slice of short ones, after which they are counted. */
  readonly sliceMs: number
}

export type Sum = Pick<Outcome, 'done' | 'failed' | 'wrong' | 'unanswered'>
export type Soaked = { readonly short: Sum; readonly long: Sum }

const CLIENTS = 64
/** The interval of requests on each long connection. */
const REQUESTS_PER_SECOND = 2
/** No soak takes longer. */
const HOURS_MAX = 24
/** This many failures are enough to know. */
const FAILED_MAX = 10_000

/**
 * Ends when there were enough short ones, or when either kind cannot go on.
 *
 * @param onProgress  Called after each slice with the number of short connections so far.
 */
export async function soak(
  generator: Generator,
  port: number,
  { connections, held, sliceMs }: Amount,
  onProgress: (done: number) => void,
): Promise<Soaked> {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const job = { port, mebibytes: 0 } as const
  const askNowAndThen = async (): Promise<Sum> => {
    const more = { kind: 'requests', clients: held, perSecond: held * REQUESTS_PER_SECOND, stop } as const
    try {
      return await generator.load({ ...job, ...more, durationMs: HOURS_MAX * 3_600_000 })
    } finally {
      Atomics.store(stop, 0, 1)
    }
  }
  const connectAgainAndAgain = async (): Promise<Sum> => {
    const slice = {
      ...job,
      kind: 'connections',
      clients: CLIENTS,
      perSecond: 0,
      durationMs: sliceMs,
    } as const
    let sum: Sum = { done: 0, failed: 0, wrong: 0, unanswered: 0 }
    try {
      while (sum.done < connections && sum.failed < FAILED_MAX && Atomics.load(stop, 0) === 0) {
        sum = plus(sum, await generator.load(slice))
        onProgress(sum.done)
      }
      return sum
    } finally {
      Atomics.store(stop, 0, 1)
    }
  }
  const [long, short] = await Promise.all([askNowAndThen(), connectAgainAndAgain()])
  return { short, long }
}

const plus = (a: Sum, b: Sum): Sum => ({
  done: a.done + b.done,
  failed: a.failed + b.failed,
  wrong: a.wrong + b.wrong,
  unanswered: a.unanswered + b.unanswered,
})
