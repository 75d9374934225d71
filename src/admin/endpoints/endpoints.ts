/**
 * What weir thinks of each endpoint, and an operator's word on it: out of rotation, and back.
 */

import type { FastifyInstance } from 'fastify'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { PlaceChange } from '../../control/health/endpoint-health.ts'
import { type EndpointPlace, parsePlace } from '../../control/health/endpoint-place.ts'
import {
  ENDPOINT_STATES,
  type EndpointRow,
  type EndpointState,
  placeText,
  type ShownEndpoint,
} from '../../control/health/endpoint-states.ts'
import type { Serving } from '../../control/publisher.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import type { ColdCluster } from '../../table/format/cold.ts'
import type { Table } from '../../table/format/table.ts'
import { destinationKey } from '../../table/plan/destination.ts'
import { listQuery, type PageQuery, pageAnswer, pageOf } from '../paging.ts'
import { Problem } from '../problem.ts'
import {
  answers,
  integer,
  list,
  number,
  numberOrNull,
  object,
  oneOf,
  orNull,
  query,
  record,
  text,
  textOrNull,
} from '../schemas.ts'
import { notServing, servingOf } from '../serving.ts'
import { countsOf } from './names.ts'

const CLOSE_S_MAX = 86_400

const endpoint = object({
  endpoint: text('Address and port.'),
  destination: object({ host: text(), subset: textOrNull(), port: integer() }),
  state: oneOf(ENDPOINT_STATES, 'Its state within the destination.'),
  why: textOrNull('Why it does not get a whole share of the connections, in words; null: it does.'),
  priority: orNull(integer(), '0 is used first; null: the endpoints of its destination are alike.'),
  locality: textOrNull('Region/zone/subzone; null: unknown, or the endpoints are alike.'),
  groupShare: numberOrNull(
    'Part of the connections that its priority gets now, and in it its locality if these have weights, 0 – 1; null: all endpoints count alike.',
  ),
  checkedBy: textOrNull('The kind of its health check; null: it is not checked.'),
  lastCheck: textOrNull('ok, or why the last check failed; null: there was none.'),
  ejectedForS: numberOrNull('Seconds until it is back in rotation; null: it is not ejected.'),
  ejections: integer('How often it was ejected.'),
  ejectionsPrevented: integer('Ejections that maxEjectionPercent has prevented.'),
  open: integer('Open connections to this address and port, of all destinations.'),
  connections: integer('Connections dialed for this destination, since the start.'),
  failures: integer('Dials of these that failed.'),
  receivedBytes: integer('From clients.'),
  sentBytes: integer('To clients.'),
  lastError: orNull(
    object({ error: text('Name of the errno, or timeout.'), agoS: integer() }),
    'The last failed connect; null: none is known.',
  ),
  connectMs: object({
    p50: numberOrNull('Time of a connect since the start, in milliseconds; null: none was counted.'),
    p99: numberOrNull(),
  }),
})

const change = object({
  endpoints: list(text(), 'What it concerns.'),
  emptied: list(text(), 'Destinations without an endpoint in rotation: connections to them are reset.'),
  closing: integer('Open connections that are being reset, without those that may yet join them.'),
})

type Asked = PageQuery & {
  readonly endpoint?: string
  readonly destination?: string
  readonly state?: EndpointState
  readonly search?: string
  readonly order: 'table' | 'worst'
}
type Drain = { readonly endpoint: string; readonly closeOverS?: number }

const tags = ['endpoints']

export function addEndpoints(app: FastifyInstance, gateway: Gateway): void {
  addList(app, gateway)
  addDrain(app, gateway)
  addEnable(app, gateway)
}

function addList(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags,
    summary: 'Endpoints of each destination, with their state and the reason for it.',
    querystring: query({
      endpoint: text('An address, or an address and port.'),
      destination: text('A host, or host:port, or either with " subset NAME".'),
      search: { ...text('Words that must all occur in its address or destination.'), maxLength: 200 },
      order: {
        ...oneOf(['table', 'worst'], 'As in the table, or what needs a look first.'),
        default: 'table',
      },
      state: oneOf(ENDPOINT_STATES),
      ...listQuery,
    }),
    response: answers(
      object({
        generation: integer(),
        ...pageAnswer,
        states: record(integer(), 'Endpoints of all destinations, by state.'),
        names: record(integer(), 'DNS names of endpoints, by state.'),
        endpoints: list(endpoint),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>('/endpoints', { schema }, async ({ query: asked }) =>
    inTurns(listed(servingOf(gateway), countsOf(gateway), asked)),
  )
}

/** Rows between two looks at the clock. */
const STEP = 256

function* listed(
  { plane, generation, table }: Serving,
  names: Readonly<Record<string, number>>,
  asked: Asked,
) {
  const { health } = plane
  const place = asked.endpoint === undefined ? null : placeOf(asked.endpoint)
  const cold = plane.observer.generations.cold(generation)
  const isMeant = filterOf(table, cold?.clusters ?? [], asked)
  const states = Object.fromEntries(ENDPOINT_STATES.map(state => [state, 0]))
  const found: EndpointRow[] = []
  let seen = 0
  for (const row of health.list()) {
    const state = health.stateOf(row)
    states[state]++
    if (
      (asked.state === undefined || asked.state === state) &&
      isMeant(row) &&
      (place === null || health.isAt(place, row))
    )
      found.push(row)
    if (++seen % STEP === 0) yield
  }
  if (asked.order === 'worst') {
    const urgency = new Map(found.map(row => [row, WORST_FIRST.indexOf(health.stateOf(row))]))
    yield
    found.sort((a, b) => (urgency.get(a) ?? 0) - (urgency.get(b) ?? 0))
    yield
  }
  const { items, ...page } = pageOf(found, generation, asked)
  const described: ShownEndpoint[] = []
  for (const each of health.describe(items)) {
    described.push(each)
    if (described.length % STEP === 0) yield
  }
  const counts = yield* countsOfEndpoints(plane.observer.totals(), described)
  const endpoints = described.map(each => ({ ...each, ...counts.get(keyOf(each)) }))
  return { generation, ...page, states, names, endpoints }
}

type Counts = { connections: number; failures: number; receivedBytes: number; sentBytes: number }
const NONE: Counts = { connections: 0, failures: 0, receivedBytes: 0, sentBytes: 0 }

type Named = { readonly endpoint: string; readonly destination: SeriesName['destination'] }
const keyOf = ({ endpoint, destination }: Named): string => `${endpoint} ${destinationKey(destination)}`

/** What each of `shown` had, over all rules and clients. */
function* countsOfEndpoints(
  totals: readonly Total<SeriesName>[],
  shown: readonly ShownEndpoint[],
): Generator<void, ReadonlyMap<string, Counts>> {
  const counts = new Map(shown.map(each => [keyOf(each), { ...NONE }]))
  let seen = 0
  for (const { name, opened, failed, received, sent } of totals) {
    const { endpoint, destination, instead } = name
    const sums =
      endpoint === null || instead !== null ? undefined : counts.get(keyOf({ endpoint, destination }))
    if (sums !== undefined) {
      sums.connections += opened
      sums.failures += failed
      sums.receivedBytes += received
      sums.sentBytes += sent
    }
    if (++seen % STEP === 0) yield
  }
  return counts
}

const WORST_FIRST: readonly EndpointState[] = ['ejected', 'down', 'failing', 'draining', 'up']

/** By destination and search; a destination is looked at once, not for each of its endpoints. */
function filterOf(table: Table, clusters: readonly ColdCluster[], { destination, search = '' }: Asked) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const known = new Map<number, { isMeant: boolean; left: readonly string[] }>()
  const look = (cluster: number) => {
    const found = known.get(cluster)
    if (found) return found
    const { host, port, subset } = clusters[cluster] ?? { host: '', port: 0, subset: null }
    const names = [host, `${host}:${port}`]
    const all = subset === null ? names : [...names, ...names.map(name => `${name} subset ${subset}`)]
    const text = (all.at(-1) ?? '').toLowerCase()
    const looked = {
      isMeant: destination === undefined || all.includes(destination),
      left: words.filter(word => !text.includes(word)),
    }
    known.set(cluster, looked)
    return looked
  }
  return ({ cluster, at }: EndpointRow): boolean => {
    const { isMeant, left } = look(cluster)
    if (!isMeant || left.length === 0) return isMeant
    const text = placeText(table.endpoints, at)
    return left.every(word => text.includes(word))
  }
}

function addDrain(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags,
    summary: 'Takes an endpoint out of rotation, until it is enabled or the gateway restarts.',
    description:
      'A drain outlives reloads, not a restart. Open connections stay, unless closeOverS says over which time to reset them.',
    body: object(
      {
        endpoint: text('An address and port, or an address for all its ports.'),
        closeOverS: {
          ...number('Resets its open connections over this time, with those that are being opened.'),
          minimum: 0,
          maximum: CLOSE_S_MAX,
        },
      },
      ['closeOverS'],
    ),
    response: answers(change),
  }
  app.post<{ Body: Drain }>('/endpoints/drain', { schema }, async ({ body }) => {
    const { plane } = changing(gateway)
    const place = placeOf(body.endpoint)
    const drained = plane.health.drain(place)
    if (drained === null)
      throw new Problem(
        404,
        'unknown-endpoint',
        `no destination has the endpoint ${place.text}`,
        'see /endpoints',
      )
    const { closeOverS } = body
    if (closeOverS === undefined) return shown(drained, 0)
    const { matched, undecided } = plane.drainSelected({ endpoint: place }, closeOverS * 1000)
    return shown(drained, matched - undecided)
  })
}

function addEnable(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags,
    summary: 'Puts a drained endpoint back into rotation.',
    body: object({ endpoint: text('As it was drained, or an address for all its ports.') }),
    response: answers(change),
  }
  app.post<{ Body: Drain }>('/endpoints/enable', { schema }, async ({ body }) => {
    const { plane } = changing(gateway)
    const place = placeOf(body.endpoint)
    const whole = plane.health.wholeDrain(place)
    if (whole !== null)
      throw new Problem(
        409,
        'drained-with-all-ports',
        `${place.text} is drained with all ports of ${whole.text}`,
        `enable ${whole.text}`,
      )
    const enabled = plane.health.enable(place)
    if (enabled !== null) return shown(enabled, 0)
    const drains = plane.health.drains.map(each => each.text).join(', ') || 'none'
    throw new Problem(404, 'not-drained', `${place.text} is not drained`, `drained: ${drains}`)
  })
}

function changing(gateway: Gateway): Serving {
  if (gateway.readiness().draining) throw notServing()
  return servingOf(gateway)
}

const shown = ({ endpoints, emptied }: PlaceChange, closing: number) => ({ endpoints, emptied, closing })

function placeOf(written: string): EndpointPlace {
  const place = parsePlace(written)
  if (place) return place
  throw new Problem(400, 'bad-request', `endpoint ${written}: not an address, nor an address with port`)
}
