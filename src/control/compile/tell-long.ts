/** A line for the log about a compilation that somebody may be waiting for. */

/** Longer than this, a person wonders whether anything happens. */
const LONG_MS = 1_000

/** Calls `tell` once if `work` takes longer than a second; returns its result. */
export async function tellLong<Result>(work: Promise<Result>, tell: () => void): Promise<Result> {
  const timer = setTimeout(tell, LONG_MS)
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}
