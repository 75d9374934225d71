/** What is asked of every contender: the load of each axis. */

import type { Bench } from '../harness.ts'
import type { Axis } from './samples.ts'

const CLIENTS = 64
const CONNECTIONS_MS = 200
const REQUESTS_MS = 300

export const connections = (bench: Bench): Axis => ({
  group: `new connections, ${CLIENTS} at a time`,
  job: {
    kind: 'connections',
    clients: CLIENTS,
    durationMs: bench.parameter(60, CONNECTIONS_MS),
    perSecond: 0,
    mebibytes: 0,
  },
})

/** With a rate, in an open loop. */
export const requests = (bench: Bench, { perSecond = 0, roundMs = REQUESTS_MS } = {}): Axis => ({
  group:
    perSecond === 0
      ? `requests over ${CLIENTS} kept connections`
      : `latency at ${perSecond} requests a second, open loop, ${CLIENTS} connections`,
  job: {
    kind: 'requests',
    clients: CLIENTS,
    durationMs: bench.parameter(60, roundMs),
    perSecond,
    mebibytes: 0,
  },
})

export const bulk = (bench: Bench, clients: number): Axis => ({
  group: `bulk, ${clients === 1 ? 'one stream' : `${clients} streams`}`,
  job: {
    kind: 'bulk',
    clients,
    durationMs: 0,
    perSecond: 0,
    mebibytes: bench.parameter(4, 256 / clients + 32),
  },
})
