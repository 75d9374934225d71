/** The list of benches. A new one is one more row here. */

import { benchAdmin } from './admin.ts'
import { benchCalls } from './calls.ts'
import { benchCompile } from './compile.ts'
import { benchConnections } from './connections.ts'
import { benchDeadlines } from './deadlines.ts'
import { benchEngines } from './engines.ts'
import { benchFaults } from './faults.ts'
import { benchFilter } from './filter.ts'
import type { Bench } from './harness.ts'
import { benchKubernetes } from './kubernetes.ts'
import { benchLatency } from './latency.ts'
import { benchLookup } from './lookup.ts'
import { benchMemory } from './memory.ts'
import { benchObserve } from './observe.ts'
import { benchPorts } from './ports.ts'
import { benchReadings } from './readings.ts'
import { benchReload } from './reload.ts'
import { benchSoak } from './soak.ts'
import { benchTls } from './tls.ts'
import { benchWeighting } from './weighting.ts'

export type BenchRow = {
  readonly name: string
  /** One line: the question that it answers. */
  readonly about: string
  readonly run: (bench: Bench) => void | Promise<void>
  /** Whether it runs only if it is named. */
  readonly onlyByName?: boolean
}

export const BENCHES: readonly BenchRow[] = [
  {
    name: 'lookup',
    about: 'what finding a prefix and a rule costs, and how that grows',
    run: benchLookup,
  },
  {
    name: 'compile',
    about: 'whether reading a large configuration holds back the health check',
    run: benchCompile,
  },
  {
    name: 'engines',
    about: 'weir’s engines beside HAProxy, nginx, Node’s own sockets and no proxy',
    run: benchEngines,
  },
  {
    name: 'deadlines',
    about: 'what one deadline costs among many connections that are idle',
    run: benchDeadlines,
  },
  {
    name: 'weighting',
    about: 'what weighting costs a connection, and whether the split is what was asked for',
    run: benchWeighting,
  },
  {
    name: 'connections',
    about: 'new connections by number of rules and of workers',
    run: benchConnections,
  },
  {
    name: 'readings',
    about: 'what a connection costs that says something first, such as a PROXY header, beside HAProxy',
    run: benchReadings,
  },
  {
    name: 'tls',
    about: 'what it costs to end TLS, beside HAProxy and nginx',
    run: benchTls,
  },
  {
    name: 'reload',
    about: 'from a change to the first connection routed by it, and what load notices',
    run: benchReload,
  },
  {
    name: 'memory',
    about: 'what the gateway, a worker, a rule and an idle connection hold',
    run: benchMemory,
  },
  {
    name: 'observe',
    about: 'what it costs that connections can be looked at: the journal and the access log',
    run: benchObserve,
  },
  {
    name: 'admin',
    about: 'for how long an answer of the admin listener holds up the main thread',
    run: benchAdmin,
  },
  {
    name: 'calls',
    about: 'foreign calls, system calls and atomics of a connection, a request and a GB, counted',
    run: benchCalls,
    onlyByName: true,
  },
  {
    name: 'latency',
    about:
      'what a proxy adds to a request at a quarter, half and three quarters of the load, beside HAProxy and nginx',
    run: benchLatency,
    onlyByName: true,
  },
  {
    name: 'ports',
    about: 'how long a connect takes while many local ports are taken',
    run: benchPorts,
    onlyByName: true,
  },
  {
    name: 'kubernetes',
    about: 'what it costs to follow a cluster: EndpointSlices that change, and a large one at start',
    run: benchKubernetes,
    onlyByName: true,
  },
  {
    name: 'filter',
    about: 'what a filter between a socket and the flows costs that passes everything through',
    run: benchFilter,
    onlyByName: true,
  },
  {
    name: 'faults',
    about: 'what clients lose as servers die, hang or vanish behind weir, beside HAProxy',
    run: benchFaults,
    onlyByName: true,
  },
  {
    name: 'soak',
    about: 'a million connections during reloads: nothing may fail, and nothing may stay open',
    run: benchSoak,
    onlyByName: true,
  },
]
