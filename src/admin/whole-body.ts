/**
 * A large body, unparsed, in one buffer that can be transferred to another thread.
 *
 * fastify's parser would concatenate tens of megabytes at once on the main thread. This one fills
 * the buffer as bytes arrive.
 */

import type { FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'

/** If the length is unknown. */
const FIRST_BYTES = 65_536

export async function wholeBody(
  { headers }: FastifyRequest,
  payload: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const known = headers['content-length']
  const tooLarge = () => new Problem(413, 'body-too-large', `the body is larger than ${bytesMax} bytes`)
  if (Number(known ?? 0) > bytesMax) throw tooLarge()
  let whole = new Uint8Array(known === undefined ? FIRST_BYTES : Number(known))
  let length = 0
  for await (const chunk of payload) {
    if (length + chunk.length > bytesMax) throw tooLarge()
    if (length + chunk.length > whole.length) whole = grown(whole, length + chunk.length)
    whole.set(chunk, length)
    length += chunk.length
  }
  return length === whole.length ? whole : whole.slice(0, length)
}

/** At least twice as long, so that the copying stays linear in total. */
function grown(whole: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(length, whole.length * 2))
  larger.set(whole)
  return larger
}
