/**
 * Tables in which every part identifies its generation, so that a reader who mixes two of them is
 * caught: the prefixes, the number of routes, the routes of rules, timeouts and ports.
 */

import { buildTable } from '../../src/table/build/builder.ts'
import { changeClients } from '../../src/table/build/clients.ts'
import { changeEndpoints } from '../../src/table/build/endpoints.ts'
import type { Table, TableBuffers } from '../../src/table/format/table.ts'
import type { Query } from '../../src/table/match/query.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'

/** The greatest generation that fits into the addresses. */
export const GENERATIONS_MAX = 2 ** 16 - 2

export const timeoutOf = (generation: number): number => generation
export const portOf = (generation: number): number => 1 + (generation % 65_535)

const routesOf = (generation: number): number => 2 + (generation % 5)

/** The route of connection `connection` in this generation. */
export const routeOf = (generation: number, connection: number): number =>
  (connection + generation) % routesOf(generation)

/** The address that connection `connection` asks for: 10.g.g.host. */
const destinationOf = (generation: number, connection: number): number =>
  0x0a000000 | (generation << 8) | (connection % routesOf(generation))

/** Makes `query` connection `connection` of a generation. */
export function fill(query: Query, generation: number, connection: number): void {
  query.destinationFamily = 4
  query.destination[0] = destinationOf(generation, connection)
  query.destinationPort = portOf(generation)
  query.clientFamily = 4
  query.client[0] = connection
}

/** Every endpoint of a revision weighs the same, and every client is the same workload. */
export const weightOf = (revision: number): number => 1 + revision
export const workloadOf = (revision: number): number => revision

/** An endpoints part for a generation that is served. */
export function endpointsAfter(table: Table): SharedArrayBuffer {
  const [port, weight] = [portOf(table.generation), weightOf(table.endpointsRevision + 1)]
  const clusters = Array.from({ length: routesOf(table.generation) }, (_, cluster) => cluster)
  const endpoints = [{ address: '127.0.0.1', port, weight }]
  return changeEndpoints(table, new Map(clusters.map(cluster => [cluster, endpoints])), () => 1)
}

/**
 * A clients part for a generation that is served: it has a workload more, which every client is.
 */
export function clientsAfter(table: Table): SharedArrayBuffer {
  const cidr = { family: 4 as const, words: new Uint32Array(4), bits: 0 }
  return changeClients(table, [{ cidr, namespace: `n${table.clientsRevision}`, labels: {} }])
}

export const generationTable = (generation: number): TableBuffers =>
  buildTable(planOf(generation), generation, () => 1)

function planOf(generation: number): Plan {
  const indexes = Array.from({ length: routesOf(generation) }, (_, index) => index)
  const rules = indexes.map(index => ({
    origin: {
      virtualService: 'default/vs',
      block: 'tcp' as const,
      route: index,
      match: 0,
      file: 'a.yaml',
      line: 1,
    },
    destinations: [
      { family: 4 as const, words: Uint32Array.of(destinationOf(generation, index), 0, 0, 0), bits: 32 },
    ],
    port: portOf(generation),
    clients: [],
    source: { namespace: null, labels: {}, visibleTo: null },
    route: routeOf(generation, index),
    never: null,
  }))
  return {
    listeners: [
      {
        gateway: 'mesh', // a gateway's rules ask for the port of its listener, which is the same in each
        bind: '',
        port: 9000,
        opens: true,
        destination: 'local',
        scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: -1 }],
        otherwise: 'close',
      },
    ],
    routes: indexes.map(index => ({
      identity: `route ${index}`,
      destinations: [{ cluster: index, weight: 1 }],
      split: 'random',
    })),
    clusters: indexes.map(index => ({
      host: `c${index}`,
      subset: null,
      port: 80,
      kind: 'static',
      endpoints: [{ address: '127.0.0.1', port: portOf(generation), weight: 1 }],
      names: [],
      labels: {},
      policy: { ...DEFAULT_POLICY, connectTimeoutMs: timeoutOf(generation) },
    })),
    sources: [],
  }
}
