/** Records for tests: a row with these fields, the others as of a quiet connection. */

import { Live } from '../../src/stats/connections.ts'

export type Fields = Partial<Record<keyof typeof Live, number>>

/** Fields that take two words; written as numbers. */
const NUMBERS: ReadonlySet<string> = new Set([
  'fromClient',
  'toUpstream',
  'fromUpstream',
  'toClient',
  'activeMs',
  'id',
  'acceptedMs',
  'acceptedWallMs',
  'endedMs',
])

/** From 127.0.0.1:1 to 127.0.0.2:2, relayed to 127.0.0.3:3 by row 0 of everything. */
const QUIET: Fields = {
  generation: 1,
  clientFamily: 4,
  client: 0x7f000001,
  clientPort: 1,
  destinationFamily: 4,
  destination: 0x7f000002,
  destinationPort: 2,
  endpointFamily: 4,
  endpointAddress: 0x7f000003,
  endpointPort: 3,
  attempts: 1,
}

export function recordOf(fields: Fields): { readonly words: Int32Array; readonly numbers: Float64Array } {
  const buffer = new ArrayBuffer(Live.WORDS * 4)
  const [words, numbers] = [new Int32Array(buffer), new Float64Array(buffer)]
  for (const [name, value] of Object.entries({ ...QUIET, ...fields })) {
    const word = Live[name as keyof typeof Live]
    if (NUMBERS.has(name)) numbers[word / 2] = value
    else words[word] = value
  }
  return { words, numbers }
}
