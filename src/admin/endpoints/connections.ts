/**
 * Open connections, with the rule and the generation that routed each.
 *
 * They are listed in the order of their rows in shared memory. A connection keeps its row while it
 * lives, so paging never repeats a connection, and never skips one that stays open.
 */

import type { FastifyInstance } from 'fastify'
import { formatEndpoint } from '../../address/address.ts'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { DataPlane } from '../../control/workers/data-plane.ts'
import type { Generations } from '../../stats/generations.ts'
import type { Connection } from '../../stats/live-connections.ts'
import type { Row, SocketAddress } from '../../stats/read-row.ts'
import { Counter, openStats, sumCounter } from '../../stats/stats.ts'
import {
  assertKnown,
  CONNECTION_STATES,
  type ConnectionQuery,
  connectionQuery,
  type Filter,
  filterOf,
} from '../connection-filter.ts'
import { type PageQuery, pageAnswer, pageQuery } from '../paging.ts'
import { Problem } from '../problem.ts'
import {
  answers,
  boolean,
  integer,
  list,
  number,
  object,
  oneOf,
  orNull,
  query,
  record,
  ruleOrigin,
  text,
  textOrNull,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'

/** Connections that one request reads at most. */
const LOOKED_AT_MAX = 20_000
/** Of these, how many it reads before it checks the clock again. */
const STEP = 32

/** Fields of open and ended connections. */
export const connectionFields = {
  id: integer('Unique in a process.'),
  worker: integer(),
  client: textOrNull(),
  peer: textOrNull('The peer of its socket if a PROXY header named the client; else null.'),
  asked: textOrNull('The address that the client connected to.'),
  serverName: textOrNull('The server name that a TLS client asked for; null: none.'),
  identity: textOrNull('Who the client is by its verified certificate: its first URI, else the subject.'),
  endpoint: textOrNull('The endpoint dialed last.'),
  listener: text(),
  generation: integer('The generation that routed it.'),
  outcome: oneOf(['rule', 'default', 'passthrough', 'denied', 'none']),
  rule: orNull(ruleOrigin),
  destination: orNull(object({ host: text(), subset: textOrNull(), port: integer() })),
  source: object({ namespace: textOrNull(), labels: record(text()) }),
  acceptedAt: text(),
  decideUs: number('Duration of the decision.'),
  connectMs: number('Duration of the last dial; 0: not complete.'),
  attempts: integer('Endpoints dialed.'),
  fromClientBytes: integer(),
  toUpstreamBytes: integer('Bytes that the socket of the upstream accepted.'),
  fromUpstreamBytes: integer(),
  toClientBytes: integer('Bytes that the socket of the client accepted.'),
  clientEnded: boolean('Whether the client has sent FIN.'),
  upstreamEnded: boolean(),
}
const connection = object({
  ...connectionFields,
  state: oneOf(CONNECTION_STATES),
  ageMs: integer(),
  idleMs: integer('Since a byte last moved.'),
})

type Asked = ConnectionQuery & PageQuery

export function addConnections(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags: ['connections'],
    summary: 'Open connections, with the rule and generation that routed them.',
    description: `One request reads at most ${LOOKED_AT_MAX} connections, so an answer may have few entries and still a next.`,
    querystring: query({ ...connectionQuery, state: oneOf(CONNECTION_STATES), ...pageQuery }),
    response: answers(
      object({
        ...pageAnswer,
        total: integer('All open connections, whatever the filter.'),
        connections: list(connection),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>(
    '/connections',
    { schema },
    async ({ query: { limit, cursor, ...asked } }) => {
      const { plane } = servingOf(gateway)
      assertKnown(asked, plane)
      return await inTurns(connectionsFrom(plane, placeOf(cursor), filterOf(asked), limit))
    },
  )
}

type Place = { readonly worker: number; readonly row: number }

function* connectionsFrom({ observer, stats }: DataPlane, place: Place, isWanted: Filter, limit: number) {
  const { generations, live } = observer
  const names = generations.names.bind(generations)
  const connections: unknown[] = []
  let next: string | null = null
  let looked = 0
  for (const each of live.list(place)) {
    if (connections.length === limit || looked === LOOKED_AT_MAX) {
      next = `${each.worker}.${each.row}`
      break
    }
    if (isWanted(each, names)) connections.push(shown(each, generations))
    if (++looked % STEP === 0) yield
  }
  return { total: sumCounter(openStats(stats), Counter.open), next, connections }
}

function placeOf(cursor: string | undefined): Place {
  if (cursor === undefined) return { worker: 0, row: 0 }
  const [, worker, row] = /^(\d{1,4})\.(\d{1,8})$/.exec(cursor) ?? []
  if (row === undefined)
    throw new Problem(400, 'bad-cursor', `"${cursor}" is not a cursor`, 'take `next` of the previous answer')
  return { worker: Number(worker), row: Number(row) }
}

const at = (address: SocketAddress | null): string | null =>
  address && formatEndpoint(address.address, address.port)

const shown = (each: Connection, generations: Generations) => ({
  ...shownConnection(each, generations),
  state: each.state,
  ageMs: Math.round(each.ageMs),
  idleMs: Math.round(each.idleMs),
})

/** What `connectionFields` says of it. */
export function shownConnection(each: Row & { readonly worker: number }, generations: Generations) {
  const { listener, outcome, rule, destination, source } = generations.names(each)
  const { id, worker, generation, attempts, clientEnded, upstreamEnded } = each
  return {
    id,
    worker,
    generation,
    attempts,
    clientEnded,
    upstreamEnded,
    client: at(each.client),
    peer: at(each.peer),
    asked: at(each.destination),
    serverName: each.serverName || null,
    identity: each.identity || null,
    endpoint: at(each.upstream),
    listener,
    outcome,
    rule,
    destination,
    source,
    acceptedAt: new Date(each.acceptedWallMs).toISOString(),
    decideUs: each.decideNs / 1e3,
    connectMs: each.connectUs / 1e3,
    fromClientBytes: each.fromClient,
    toUpstreamBytes: each.toUpstream,
    fromUpstreamBytes: each.fromUpstream,
    toClientBytes: each.toClient,
  }
}
