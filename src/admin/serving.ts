/** The served table; endpoints that need it fail before there is one. */

import type { Gateway } from '../control/gateway.ts'
import type { Serving } from '../control/publisher.ts'
import { Problem } from './problem.ts'

export function servingOf(gateway: Gateway): Serving {
  const { serving } = gateway
  if (serving === null) throw notServing(gateway.readiness().awaits)
  return serving
}

/** @param awaits  What a start waits for. */
export function notServing(awaits = ''): Problem {
  const what = awaits === '' ? 'the gateway serves nothing now' : `the gateway serves nothing yet: ${awaits}`
  return new Problem(503, 'not-serving', what, 'poll /ready')
}
