/** The state of the process: as a summary (/summary), by worker, by listener. */

import type { FastifyInstance } from 'fastify'
import { monotonicMs } from '../../base/clock.ts'
import { nextU32 } from '../../base/random.ts'
import { configurationHash } from '../../config/configuration-hash.ts'
import type { Gateway } from '../../control/gateway.ts'
import { WHYS } from '../../control/readiness.ts'
import { machine } from '../../kernel/machine.ts'
import { REASONS } from '../../stats/reasons.ts'
import { COUNTERS, Counter, type CounterName, openStats, totals } from '../../stats/stats.ts'
import { answers, boolean, integer, list, number, object, oneOf, orNull, record, text } from '../schemas.ts'
import { servingOf } from '../serving.ts'
import { countsOf } from './names.ts'

const tags = ['state']

const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[]
const counters = object(Object.fromEntries(COUNTER_NAMES.map(name => [name, integer(COUNTERS[name])])))

const failure = object({ worker: integer(), listener: text(), code: text(), message: text() })

/** The answer of /summary. */
export const summary = object({
  instance: text('A name of this process, made at random: one that answers at two addresses is one.'),
  version: text(),
  engine: oneOf(['uring', 'epoll', 'node']),
  workers: integer(),
  monotonicMs: number('A monotonic clock; only differences are meaningful.'),
  uptimeS: number(),
  generation: integer(),
  configuration: text(
    'A digest of what is configured, equal on all replicas that read the same: without Pods, Nodes, endpoints and the content of Secrets.',
  ),
  endpointsRevision: integer('Changes of endpoints since the generation was published.'),
  clientsRevision: integer('Changes of client identities since then.'),
  names: record(integer(), 'DNS names of endpoints, by state.'),
  ready: boolean(),
  why: orNull(oneOf(WHYS), 'Why it is not ready; null: it is ready.'),
  draining: boolean(),
  maxConnections: integer('Connections that may be open at once; weir resets more (max-connections).'),
  counters,
  closed: record(integer(), 'Connections ended, by reason.'),
  lastReload: object({
    number: integer(),
    at: text(),
    outcome: text(),
    errors: integer(),
    warnings: integer(),
  }),
})

const instances = new WeakMap<Gateway, string>()

export const instanceOf = (gateway: Gateway): string =>
  instances.getOrInsertComputed(gateway, () => nameAtRandom())

const nameAtRandom = (): string => {
  const random = machine.random()
  return [nextU32(random), nextU32(random)].map(each => each.toString(16).padStart(8, '0')).join('')
}

export function readSummary(gateway: Gateway, version: string) {
  const { plane, generation, table, compiled } = servingOf(gateway)
  const { engine, stats } = plane
  const { closed, ...counts } = totals(openStats(stats))
  const { ready, why, draining } = gateway.readiness()
  return {
    instance: instanceOf(gateway),
    version,
    engine,
    workers: plane.status().length,
    generation,
    configuration: configurationHash(compiled.resources),
    endpointsRevision: table.endpointsRevision,
    clientsRevision: table.clientsRevision,
    names: countsOf(gateway),
    ready,
    why,
    draining,
    monotonicMs: monotonicMs(),
    uptimeS: process.uptime(),
    maxConnections: plane.maxConnections,
    counters: counts,
    closed,
    lastReload: gateway.history.reloads[0],
  }
}

/** An entry of /workers. */
export const worker = object({
  worker: integer(),
  state: oneOf(['starting', 'accepting', 'draining', 'ended']),
  generation: integer('The newest generation whose listeners it serves; 0: none.'),
  endpointsRevision: integer('Revision of the endpoints that it balances over.'),
  clientsRevision: integer('Revision of the client identities that it uses.'),
  counters,
})

export function readWorkers(gateway: Gateway) {
  const { plane } = servingOf(gateway)
  const { counters: rows } = openStats(plane.stats)
  return plane.status().map(({ worker, state, generation, adopted }) => ({
    worker,
    state,
    generation,
    endpointsRevision: adopted.endpointsRevision,
    clientsRevision: adopted.clientsRevision,
    counters: Object.fromEntries(COUNTER_NAMES.map(name => [name, rows[worker][Counter[name]]])),
  }))
}

export function addState(app: FastifyInstance, gateway: Gateway, version: string): void {
  addSummary(app, gateway, version)
  addWorkers(app, gateway)
  addListeners(app, gateway)
  addReasons(app)
}

function addSummary(app: FastifyInstance, gateway: Gateway, version: string): void {
  const schema = {
    tags,
    summary: 'The state of the gateway, cheap enough to poll every second.',
    description: 'Counters only grow. A rate is their difference divided by the difference of `monotonicMs`.',
    response: answers(summary),
  }
  app.get('/summary', { schema }, async () => readSummary(gateway, version))
}

function addWorkers(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags,
    summary: 'Worker threads with their counters.',
    response: answers(object({ engine: text(), workers: list(worker) })),
  }
  app.get('/workers', { schema }, async () => ({
    engine: servingOf(gateway).plane.engine,
    workers: readWorkers(gateway),
  }))
}

function addListeners(app: FastifyInstance, gateway: Gateway): void {
  const listener = object({
    listener: text('Stable over reloads, such as "default/edge 127.0.0.1:9000".'),
    gateway: text('namespace/name, or mesh.'),
    bind: text('Empty: every address.'),
    port: integer(),
    redirect: boolean('Whether it uses the destination before a redirect.'),
    failures: list(failure, 'Errors of workers that could not open it.'),
  })
  const schema = {
    tags,
    summary: 'Listening sockets.',
    response: answers(object({ generation: integer(), listeners: list(listener) })),
  }
  app.get('/listeners', { schema }, async () => {
    const { compiled, generation, plane } = servingOf(gateway)
    const failures = Map.groupBy(
      plane.status().flatMap(each => each.failures.map(one => ({ worker: each.worker, ...one }))),
      each => each.listener,
    )
    return {
      generation,
      listeners: compiled.listeners.map(({ key, gateway, bind, port, original }) => ({
        listener: key,
        gateway,
        bind,
        port,
        redirect: original,
        failures: failures.get(key) ?? [],
      })),
    }
  })
}

function addReasons(app: FastifyInstance): void {
  const schema = {
    tags,
    summary: 'The reasons for which connections end, with their meaning.',
    response: answers(object({ reasons: record(text()) })),
  }
  app.get('/reasons', { schema }, async () => ({ reasons: REASONS }))
}
