/** Calls `make` once for all concurrent callers, and reuses the result for `ms` after it. */
export function sharedFor<Made>(ms: number, make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | null = null
  const forget = () => {
    made = null
  }
  return () => {
    if (made) return made
    made = make()
    made.then(() => (ms === 0 ? forget() : setTimeout(forget, ms).unref()), forget)
    return made
  }
}
