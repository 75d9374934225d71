/** Rules with their hits, and the delivered beside the configured share of each destination. */

import type { FastifyInstance } from 'fastify'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { Baselines } from '../../control/observe/baselines.ts'
import { RuleCounts } from '../../control/observe/rule-counts.ts'
import type { RuleEntry, Rules } from '../../control/observe/rules.ts'
import type { Serving } from '../../control/publisher.ts'
import { type PageQuery, pageAnswer, pageOf, pageQuery } from '../paging.ts'
import type { RulesOfTable } from '../rules-of-table.ts'
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

/** Destinations listed for connections that no rule routed. */
const UNRULED_MAX = 100

const delivered = {
  connections: integer('Since its VirtualService last changed.'),
  open: integer('Open now.'),
  receivedBytes: integer('From clients.'),
  sentBytes: integer('To clients.'),
  lastAt: textOrNull('When the last connection was opened.'),
}
const place = { host: text(), subset: textOrNull(), port: integer() }
const share = object({
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
      deliveredShare: orNull(share, 'null: no connection yet.'),
      givenAway: integer('Picked for it while all its endpoints were down, and given to others (on-dead).'),
      takenOver: integer('Given to it by others that were down.'),
      ...delivered,
    }),
  ),
}

type Asked = PageQuery & {
  readonly virtualService?: string
  readonly listener?: string
  readonly hit?: boolean
  readonly order: 'written' | 'hits'
}

export function addRoutes(app: FastifyInstance, gateway: Gateway, rules: RulesOfTable): void {
  const schema = {
    tags: ['routing'],
    summary: 'Rules with their hits, and each destination with its configured and delivered share.',
    description:
      'The bounds hold at every moment at once: with 95 % confidence no true share of any rule ever leaves them. The verdict of a destination counts also what it gave to others while it was down. They leave out picks that failed before a dial; see the reasons of /summary.',
    querystring: query({
      virtualService: text('namespace/name.'),
      listener: text('A listener as in /listeners.'),
      hit: boolean('Only rules with hits, or only rules without.'),
      order: {
        ...oneOf(['written', 'hits'], 'In order of evaluation, or most hits first.'),
        default: 'written',
      },
      ...pageQuery,
    }),
    response: answers(
      object({
        generation: integer(),
        ...pageAnswer,
        rules: list(object(ruleFields)),
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
    return await inTurns(routes(serving, await rules.of(serving), query))
  })
}

function* routes({ generation, plane, baselines }: Serving, rules: Rules, query: Asked) {
  const counted = plane.observer.counted()
  yield
  const counts = new RuleCounts(counted, rules, baselines)
  yield
  const { items, ...page } = pageOf(chosen(rules.entries, counts, query), generation, query)
  yield
  const shown = []
  for (const entry of items) {
    shown.push(shownRule(entry, counts, baselines))
    yield
  }
  const unruled = counts.unruled().sort((a, b) => b.connections - a.connections)
  return {
    generation,
    ...page,
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

function chosen(rules: readonly RuleEntry[], counts: RuleCounts, asked: Asked): readonly RuleEntry[] {
  const { virtualService, listener, hit, order } = asked
  const found = rules.filter(
    each =>
      (virtualService === undefined || each.origin.virtualService === virtualService) &&
      (listener === undefined ||
        each.listeners.some(one => one === listener || one.startsWith(`${listener} `))),
  )
  if (hit === undefined && order === 'written') return found
  const counted = found.map(entry => ({ entry, hits: counts.hits(entry) }))
  const wanted = hit === undefined ? counted : counted.filter(each => each.hits > 0 === hit)
  const ordered = order === 'written' ? wanted : wanted.toSorted((a, b) => b.hits - a.hits)
  return ordered.map(each => each.entry)
}
