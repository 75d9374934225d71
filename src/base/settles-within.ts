/** Waiting for a promise, but not for longer than a given time. */

/** Whether a promise settles within `ms` milliseconds; it rejects as the promise does. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), ms)
  const settled = await Promise.race([late.promise, promise.then(() => true)])
  clearTimeout(timer)
  return settled
}
