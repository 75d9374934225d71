/** Rules with their hits, and the delivered beside the configured share of each destination. */

import type { FastifyInstance } from 'fastify'
import { formatEndpoint } from '../../address/address.ts'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { Baselines } from '../../control/observe/baselines.ts'
import type { RuleCounts } from '../../control/observe/rule-counts.ts'
import type { RuleEntry } from '../../control/observe/rules.ts'
import type { Serving } from '../../control/publisher.ts'
import { conditionTexts, exampleOf } from '../../table/explain/rule-conditions.ts'
import type { Cold } from '../../table/format/cold.ts'
import type { Table } from '../../table/format/table.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { assertKnown } from '../connection-filter.ts'
import { listQuery, type PageQuery, pageAnswer, pageOf } from '../paging.ts'
import {
  answers,
  boolean,
  integer,
  list,
  number,
  numberOrNull,
  object,
  oneOf,
  orNull,
  query,
  ruleOrigin,
  text,
  textOrNull,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'
import { SHOWS, type Standing, type Standings, type StandingsOfTable, searchText } from '../standings.ts'

/** Destinations listed for connections that no rule routed. */
const UNRULED_MAX = 100
const SEARCH_MAX = 200

const delivered = {
  connections: integer('Since its VirtualService last changed.'),
  open: integer('Open now.'),
  receivedBytes: integer('From clients.'),
  sentBytes: integer('To clients.'),
  lastAt: textOrNull('When the last connection was opened.'),
}
const place = { host: text(), subset: textOrNull(), port: integer() }
/** A delivered share with its bounds. */
export const shareFields = object({
  share: number('As seen.'),
  low: number('The true share is at least this, whenever and however often somebody looks.'),
  high: number('At most.'),
  verdict: orNull(
    oneOf(
      ['too-few', 'as-asked', 'off'],
      'Of the configured share: too few connections to say, within the bounds, or outside.',
    ),
    'null: no longer a destination of the rule.',
  ),
})
/** An entry of /routes. */
export const ruleFields = {
  rule: ruleOrigin,
  never: textOrNull('Why it can never match; null: it can.'),
  serverNames: list(text(), 'Server names that it asks for; empty: it asks for none.'),
  listeners: list(text(), 'Where it applies; for the mesh with the service.'),
  split: { type: ['string', 'null'], description: 'How weir picks a destination: random, exact or sticky.' },
  sinceGeneration: integer('The generation in which its VirtualService last changed; counts start there.'),
  sinceAt: text(),
  ...delivered,
  destinations: list(
    object({
      ...place,
      configuredShare: numberOrNull('By weight, 0 – 1; null: no longer a destination of the rule.'),
      deliveredShare: orNull(shareFields, 'Of connections; of a sticky split, of clients. null: none yet.'),
      clients: orNull(
        integer(),
        'sticky: groups of clients that came, by address: each of 32 768 draws a destination once. null: another split, or too many sticky ones.',
      ),
      givenAway: integer('Picked for it while all its endpoints were down, and given to others (on-dead).'),
      takenOver: integer('Given to it by others that were down.'),
      ...delivered,
    }),
  ),
}

const example = object({
  gateway: text('The Gateway, or mesh.'),
  to: text('An address and port to connect to.'),
  from: textOrNull('The client; null: the rule asks for none.'),
  sni: textOrNull(),
  namespace: textOrNull(),
  labels: textOrNull(),
})

/** Fields of /routes that the page does not need every second. */
const routeFields = {
  index: integer('Its position in the order of evaluation.'),
  ...ruleFields,
  conditions: list(text(), 'What it asks of a connection, in words; empty: every connection fulfils it.'),
  unserved: boolean('Whether a destination with a share has no endpoint in rotation.'),
  example: orNull(
    example,
    'A connection that fulfils the conditions, as /explain takes it; null: there is none.',
  ),
}

const SHOWN = ['off', 'unserved', 'never-hit', 'unreachable', 'weighted'] as const
const ORDERS = ['written', 'name', 'hits', 'open', 'last'] as const

type Asked = PageQuery & {
  readonly virtualService?: string
  readonly rule?: string
  readonly listener?: string
  readonly search?: string
  readonly show?: (typeof SHOWN)[number]
  readonly hit?: boolean
  readonly order: (typeof ORDERS)[number]
  readonly reverse: boolean
}

export function addRoutes(app: FastifyInstance, gateway: Gateway, standings: StandingsOfTable): void {
  const schema = {
    tags: ['routing'],
    summary: 'Rules with their hits, and each destination with its configured and delivered share.',
    description:
      'The bounds hold at every moment at once: with 95 % confidence no true share of any rule ever leaves them. The verdict of a destination counts also what it gave to others while it was down. They leave out picks that failed before a dial; see the reasons of /summary. Hits and verdicts of many rules are made anew at most so often that it takes a tenth of the main thread.',
    querystring: query({
      virtualService: text('namespace/name.'),
      rule: text('A rule: "default/echo tcp[0].match[1]".'),
      listener: text('A listener as in /listeners.'),
      search: {
        ...text('Words that must all occur: in the rule, its file, conditions, listeners or destinations.'),
        maxLength: SEARCH_MAX,
      },
      show: oneOf(
        SHOWN,
        'off: a split outside of its bounds; unserved: a destination without an endpoint in rotation; never-hit: no connection yet, though it can match; unreachable: it can never match; weighted: it has several destinations.',
      ),
      hit: boolean('Only rules with hits, or only rules without.'),
      order: {
        ...oneOf(
          ORDERS,
          'In order of evaluation, by name, most hits first, most open connections first, or the last hit first.',
        ),
        default: 'written',
      },
      reverse: { ...boolean('The other way round.'), default: false },
      ...listQuery,
    }),
    response: answers(
      object({
        generation: integer(),
        ...pageAnswer,
        counts: object({
          all: integer(),
          ...Object.fromEntries(SHOWN.map(name => [name, integer('Of all rules, as `show`.')])),
        }),
        rules: list(object(routeFields)),
        unruled: list(
          object({
            destination: orNull(object(place), 'null: an address that is not a service.'),
            other: boolean('Whether this row sums what has no row of its own.'),
            ...delivered,
          }),
          'Connections without a rule, sent to their own service or to the dialed address; since the start.',
        ),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>('/routes', { schema }, async ({ query }) => {
    const serving = servingOf(gateway)
    const standing = await standings.of(serving)
    // A rule of the mesh names its listener with the service that it is for.
    if (!standing.list.some(({ entry }) => isAt(entry.listeners, query.listener)))
      assertKnown(query, serving.plane)
    return await inTurns(routes(serving, standing, query))
  })
}

/** Rules between two looks at the clock. */
const STEP = 64

function* routes({ generation, baselines, table }: Serving, { counts, cold, list }: Standings, asked: Asked) {
  const totals = Object.fromEntries(SHOWN.map(name => [name, 0]))
  for (const [index, standing] of list.entries()) {
    for (const name of SHOWN) if (SHOWS[name](standing)) totals[name]++
    if (index % STEP === 0) yield
  }
  const isWanted = filterOf(asked, entry => searchText(entry, table, cold))
  const found: Placed[] = []
  for (const [index, standing] of list.entries()) {
    if (isWanted(standing)) found.push({ index, standing })
    if (index % STEP === 0) yield
  }
  const { items, ...page } = pageOf(sorted(found, asked), generation, asked)
  yield
  const shown = []
  for (const { index, standing } of items) {
    const { entry, isUnserved } = standing
    shown.push({
      index,
      ...shownRule(entry, counts, baselines),
      conditions: conditionTexts(table, cold, entry.written),
      unserved: isUnserved,
      example: exampleFor(entry, table, cold),
    })
    yield
  }
  const unruled = counts.unruled().sort((a, b) => b.connections - a.connections)
  return {
    generation,
    ...page,
    counts: { all: list.length, ...totals },
    rules: shown,
    unruled: unruled.filter(each => each.connections > 0).slice(0, UNRULED_MAX),
  }
}

export function shownRule(entry: RuleEntry, counts: RuleCounts, baselines: Baselines) {
  const { origin, never, serverNames, listeners, split } = entry
  const { generation: sinceGeneration, at: sinceAt } = baselines.of(origin.virtualService)
  const head = { rule: origin, never, serverNames, listeners, split, sinceGeneration, sinceAt }
  return { ...head, ...counts.delivered(entry) }
}

type Placed = { readonly index: number; readonly standing: Standing }

function filterOf(
  { virtualService, rule, listener, search = '', show, hit }: Asked,
  textOf: (entry: RuleEntry) => string,
): (standing: Standing) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const isShown = show === undefined ? () => true : SHOWS[show]
  return standing => {
    const { entry, connections } = standing
    const { origin, listeners } = entry
    return (
      (virtualService === undefined || origin.virtualService === virtualService) &&
      (rule === undefined || ruleName(origin) === rule) &&
      isAt(listeners, listener) &&
      (hit === undefined || connections > 0 === hit) &&
      isShown(standing) &&
      words.every(word => textOf(entry).includes(word))
    )
  }
}

/** Whether one of these is asked for, by its whole name or by that of its Gateway. */
const isAt = (listeners: readonly string[], asked: string | undefined): boolean =>
  asked === undefined || listeners.some(one => one === asked || one.startsWith(`${asked} `))

const COMPARES: Readonly<Record<Asked['order'], ((a: Placed, b: Placed) => number) | null>> = {
  written: null,
  name: (a, b) => {
    const [left, right] = [a.standing.entry.origin, b.standing.entry.origin]
    return left.virtualService < right.virtualService
      ? -1
      : left.virtualService > right.virtualService
        ? 1
        : 0
  },
  hits: (a, b) => b.standing.connections - a.standing.connections,
  open: (a, b) => b.standing.open - a.standing.open,
  last: (a, b) => b.standing.lastMs - a.standing.lastMs,
}

/** Equals stay in the order of evaluation, either way. */
function sorted(found: readonly Placed[], { order, reverse }: Asked): readonly Placed[] {
  const compare = COMPARES[order]
  if (compare === null) return reverse ? found.toReversed() : found
  return found.toSorted(reverse ? (a, b) => compare(b, a) : compare)
}

const LISTENER = /^(\S+) (\S+):(\d+)(?: (\S+))?$/

/** The first listener's own address, where the rule asks for none. */
function exampleFor({ listeners, written }: RuleEntry, table: Table, cold: Cold) {
  const [, gateway, bind, port] = LISTENER.exec(listeners[0] ?? '') ?? []
  if (gateway === undefined || written.row < 0) return null
  const { to, ...rest } = exampleOf(table, cold, written)
  const address = to ?? (bind === '*' ? '127.0.0.1' : bind.replace(/^\[|\]$/g, ''))
  return { gateway, to: formatEndpoint(address, Number(port)), ...rest }
}
