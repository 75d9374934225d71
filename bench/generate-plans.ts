/**
 * Plans for benches: the surroundings of a list of rules (workloads, routes, clusters), and a Plan
 * with a single weighted route.
 */

import type { Family } from '../src/address/address.ts'
import type { Plan, Rule, Source } from '../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../src/table/plan/policy.ts'

export const WORKLOADS = 2000
/** Routes of `rulesPlan`. */
export const ROUTES = 64
const FAMILIES: readonly Family[] = [4, 6]

/** A workload's address: 192.168.x.y or fd01::x:y. */
export const clientAddress = (workload: number, family: Family): Uint32Array =>
  family === 4 ? Uint32Array.of(0xc0a80000 | workload, 0, 0, 0) : Uint32Array.of(0xfd010000, 0, 0, workload)

const SOURCES: readonly Source[] = Array.from({ length: WORKLOADS }, (_, workload) => {
  const namespace = `team-${workload % 20}`
  const labels = { app: `app-${Math.floor(workload / 20) % 40}`, id: `id-${workload}` }
  return FAMILIES.map(family => ({
    cidr: { family, words: clientAddress(workload, family), bits: family === 4 ? 32 : 128 },
    namespace,
    labels,
  }))
}).flat()

/** The identity of workload `workload`. */
export const identityOf = (workload: number): Source => SOURCES[workload * 2]

/** One listener, to which all rules apply. */
export function rulesPlan(rules: readonly Rule[]): Plan {
  return {
    listeners: [
      {
        gateway: 'mesh', // a Gateway's rules ask for the port of its own listener
        bind: '',
        port: 9000,
        opens: true,
        destination: 'original',
        scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: -1 }],
        otherwise: 'close',
      },
    ],
    routes: Array.from({ length: ROUTES }, (_, index) => ({
      identity: `route-${index}`,
      destinations: [
        { cluster: index, weight: 80 },
        { cluster: (index + 1) % ROUTES, weight: 20 },
      ],
      split: 'random',
    })),
    clusters: clusters(ROUTES),
    sources: SOURCES,
  }
}

/** A Plan with one route, to as many clusters as there are weights. */
export const splitPlan = (weights: readonly number[], split: Plan['routes'][number]['split']): Plan => ({
  listeners: [],
  routes: [
    { identity: 'split', destinations: weights.map((weight, cluster) => ({ cluster, weight })), split },
  ],
  clusters: clusters(weights.length),
  sources: [],
})

const clusters = (count: number): Plan['clusters'] =>
  Array.from({ length: count }, (_, index) => ({
    host: `service-${index}.default.svc.cluster.local`,
    subset: null,
    port: 80,
    kind: 'static',
    endpoints: [{ address: `127.0.${index >> 8}.${index & 255}`, port: 80, weight: 1 }],
    names: [],
    labels: {},
    policy: DEFAULT_POLICY,
  }))
