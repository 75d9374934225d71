/** Bugs of TLS to be planted (planted.ts). */

import { type Planted, plant } from './planting.ts'

export const PLANTED_TLS: readonly Planted[] = [
  plant(
    'a stream that was cut passes for one that has ended',
    400,
    'engine/flow/tls-filter.ts',
    "this.#options.endings.close(slot, Reason['tls-truncated'])",
    'this.#options.passage.passEnd(slot, side)',
  ),
  plant(
    'what a session says of itself stays in the pipe',
    400,
    'engine/flow/tls-filter.ts',
    'if (session.hasOutput) this.#answer(slot, side, session)\n    this.#passOn',
    'this.#passOn',
  ),
  plant(
    'what the client has said before the handshake goes upstream in the clear',
    200,
    'engine/flow/originating.ts',
    'filter.tellKept(slot, queues.count(2 * slot + CLIENT))',
    'void queues',
  ),
]
