/**
 * This gateway and the others of `admin.fleet`, seen as one.
 *
 * The others are asked with this gateway's own token for reading, if it has one: whoever may read
 * here may read there. They are asked for what they know of themselves, so nobody asks in a circle;
 * at once, within bounds, and at most once a second, however many pages are open.
 */

import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { sharedFor } from '../../base/shared-for.ts'
import { inTurns } from '../../base/turns.ts'
import type { AdminSettings } from '../../config/settings/settings.ts'
import type { Gateway } from '../../control/gateway.ts'
import { SPLITS } from '../../table/plan/plan.ts'
import { askFleet, fleetOf } from '../fleet/fleet.ts'
import { type Answering, type Replica, replicaSummary } from '../fleet/replica.ts'
import type { FleetRule } from '../fleet/shares.ts'
import { Problem } from '../problem.ts'
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
  text,
  textOrNull,
  whole,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'
import { SHOWS, type StandingsOfTable } from '../standings.ts'
import { shareFields, shownRule } from './routes.ts'
import { instanceOf, readSummary } from './state.ts'

/** Less than what the page waits for an answer. */
const ANSWER_MS_MAX = 3_000
const PLACES_MAX = 64
const RULES_MAX = 1_000
const SHARED_MS = 1_000

export type FleetSettings = Pick<AdminSettings, 'fleet' | 'auth'>

const replica = object({
  place: text('Its admin address; "this gateway", if no name of admin.fleet leads to it.'),
  self: boolean('Whether it is the one that answers.'),
  why: textOrNull('Why it is not as it should be; null: it is.'),
  summary: orNull(
    object({
      instance: textOrNull('As in /summary; null: its version is older.'),
      version: text(),
      workers: integer(),
      uptimeS: number(),
      generation: integer('Of its own changes: replicas may differ.'),
      configuration: text('The digest of what it serves, as in /summary.'),
      ready: boolean(),
      why: textOrNull('Why it is not ready, in a word.'),
      counters: object({ open: integer(), accepted: integer() }),
      lastReload: object({ at: text() }),
    }),
    'null: it does not answer.',
  ),
})

const rule = object({
  rule: text('Its name, such as "shop/orders tcp[0]".'),
  split: orNull(oneOf(SPLITS)),
  connections: integer('Of all replicas that serve this configuration, each since the rule changed there.'),
  exactTo: orNull(
    integer(),
    'exact: connections of a destination differ from its share of all by less than this, the number of replicas. null: another split.',
  ),
  destinations: list(
    object({
      destination: text(),
      configuredShare: numberOrNull('null: no longer a destination of the rule.'),
      connections: integer(),
      deliveredShare: orNull(
        shareFields,
        'null: none yet, or a sticky split, whose clients may come to several.',
      ),
    }),
  ),
})

export function addFleet(
  app: FastifyInstance,
  gateway: Gateway,
  version: string,
  standings: StandingsOfTable,
  { fleet, auth }: FleetSettings,
  totalMs = ANSWER_MS_MAX,
): void {
  const schema = {
    tags: ['state'],
    summary:
      'This gateway and the others of `admin.fleet`: who differs, and which shares they deliver together.',
    description:
      'The others are asked within 3 s; replicas that do not answer by then are listed with the reason. Rules whose share is off come first, then those with the most connections.',
    querystring: query({
      limit: { ...whole(1, RULES_MAX, 'The maximum number of rules.'), default: 50 },
    }),
    response: answers(
      object({
        configuration: textOrNull('The digest that most serve.'),
        replicas: list(replica),
        rulesTotal: integer('Rules with several destinations.'),
        rules: list(rule),
      }),
    ),
  }
  const shared = sharedFor(SHARED_MS, async () => {
    const own = await inTurns(ownOf(gateway, version, await standings.of(servingOf(gateway))))
    const others = await askFleet({
      hosts: fleet,
      token: await ownToken(auth),
      totalMs,
      placesMost: PLACES_MAX,
      rulesMost: RULES_MAX,
      dnsServers: gateway.settings.dns.servers,
    })
    const replicas = withOwn(others, own)
    const { rules, ...found } = await inTurns(fleetOf(replicas))
    return {
      ...found,
      replicas: found.replicas.map((each, index) => ({ ...each, self: isOf(gateway, replicas[index]) })),
      rules: rules.toSorted(worstFirst),
    }
  })
  app.get<{ Querystring: { readonly limit: number } }>('/fleet', { schema }, async ({ query: { limit } }) => {
    if (fleet.length === 0) throw noFleet()
    const { rules, ...found } = await shared()
    return { ...found, rules: rules.slice(0, limit) }
  })
}

const isOf = (gateway: Gateway, replica: Replica): boolean =>
  'summary' in replica && replica.summary.instance === instanceOf(gateway)

function* ownOf(gateway: Gateway, version: string, all: Awaited<ReturnType<StandingsOfTable['of']>>) {
  const { baselines } = servingOf(gateway)
  const weighted = all.list.filter(SHOWS.weighted)
  const rules: Answering['rules'][number][] = []
  for (const { entry } of weighted.slice(0, RULES_MAX)) {
    rules.push(shownRule(entry, all.counts, baselines))
    yield
  }
  const summary = replicaSummary(readSummary(gateway, version))
  return {
    place: 'this gateway',
    summary,
    rules,
    rulesTotal: weighted.length,
    rulesWhy: null,
  } satisfies Answering
}

/** What it says of itself is newer than what it answered to itself. */
function withOwn(others: readonly Replica[], own: Answering): Replica[] {
  const at = others.findIndex(each => 'summary' in each && each.summary.instance === own.summary.instance)
  return at < 0 ? [own, ...others] : others.with(at, { ...own, place: others[at].place })
}

/** Once a token reads, reading needs one; replicas have the same Settings. */
async function ownToken(auth: AdminSettings['auth']): Promise<string | null> {
  const token = auth?.tokens.find(each => each.role === 'read')
  if (!token) return null
  try {
    return (await readFile(token.file, 'utf8')).trim() || null
  } catch {
    return null // the log says so, and the others refuse
  }
}

const isOff = ({ destinations }: FleetRule): boolean =>
  destinations.some(each => each.deliveredShare?.verdict === 'off')

const worstFirst = (a: FleetRule, b: FleetRule): number =>
  Number(isOff(b)) - Number(isOff(a)) || b.connections - a.connections

const noFleet = (): Problem =>
  new Problem(
    404,
    'no-fleet',
    'this gateway knows no others',
    'name them in the Settings: admin.fleet: [gateways.example.com]; or ask for them with weir status --fleet',
  )
