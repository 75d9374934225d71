/**
 * Digests of what must stay secret: equal for equal bytes within one thread, and of no use to
 * anybody who guesses the bytes, since the key is never told.
 */

import { createHmac, randomBytes } from 'node:crypto'

const KEY = randomBytes(32)

export function keyedDigest(parts: Iterable<string | Uint8Array>): string {
  const digest = createHmac('sha256', KEY)
  for (const part of parts) digest.update(`${part.length}:`).update(part)
  return digest.digest('hex')
}
