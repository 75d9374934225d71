/** Long work (src/base/turns.ts) for tests that need its result at once. */

export function atOnce<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}
