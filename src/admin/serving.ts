/** The served table; endpoints that need it fail before there is one. */

import type { Gateway } from '../control/gateway.ts'
import type { Serving } from '../control/publisher.ts'
import { Problem } from './problem.ts'

export function servingOf(gateway: Gateway): Serving {
  const { serving } = gateway
  if (serving === null) throw notServing()
  return serving
}

export const notServing = (): Problem =>
  new Problem(503, 'not-serving', 'the gateway serves nothing now', 'poll /ready')
