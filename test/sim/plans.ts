/** What the operator of a run publishes: small plans that overlap, miss, loop and change. */

import { parseCidr } from '../../src/address/address.ts'
import {
  type Cluster,
  type Endpoint,
  type Listener,
  type Plan,
  type ReadsProxy,
  type Rule,
  type Source,
  SPLITS,
} from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import type { Dice } from './dice.ts'
import { NAMES } from './hellos.ts'
import { type AccessOptions, withAccess } from './policies.ts'
import { originating, terminating } from './secured.ts'
import { type UpstreamOptions, withUpstreams } from './upstreams.ts'

/** The gateway's own address, and where its servers are. */
export const GATEWAY = '10.1.0.1'
export const OTHER_ADDRESS = '10.1.0.2'
export const GATEWAY6 = 'fd00:1::1'
export const OWN_ADDRESSES = [GATEWAY, OTHER_ADDRESS, GATEWAY6]
export const SERVERS = ['10.2.0.1', '10.2.0.2', '10.2.0.3', 'fd00:2::4']
export const SERVER_PORT = 9000
/** Nobody is there. */
const ABSENT = '10.2.0.9'

const PLACES: readonly { bind: string; port: number }[] = [
  { bind: GATEWAY, port: 80 },
  { bind: '', port: 80 },
  { bind: '', port: 81 },
  { bind: OTHER_ADDRESS, port: 82 },
  { bind: GATEWAY6, port: 81 },
]
/** Where a gateway always listens. */
const ALWAYS = 2
/** More than a worker opens at once. */
const MANY = Array.from({ length: 20 }, (_, index) => ({ bind: OTHER_ADDRESS, port: 1000 + index }))

/** Where clients go: some of it nobody may listen on. */
export const DESTINATIONS = [
  { address: GATEWAY, port: 80 },
  { address: OTHER_ADDRESS, port: 80 },
  { address: GATEWAY, port: 81 },
  { address: OTHER_ADDRESS, port: 82 },
  { address: GATEWAY6, port: 80 },
  { address: GATEWAY6, port: 81 },
]
const CLIENTS = ['10.0.0.0/25', '10.0.0.128/25', '10.0.0.64/26', '10.0.0.7/32', 'fd00::/121', 'fd00::40/122']
const NAMESPACES = ['shop', 'bank']

export const CLUSTERS = 4
/** The route whose split is exact, with weights that stay. */
export const EXACT_ROUTE = 0
export const EXACT_WEIGHTS = [3, 1]

export type PlanOptions = AccessOptions &
  UpstreamOptions & {
    readonly isPatient: boolean
    /** Every connection has somewhere to go. */
    readonly isSound: boolean
    readonly limits: boolean
    readonly many: boolean
    /** Upstreams are told who their client is. */
    readonly introduces: boolean
    /** By port, whose connections begin with a header: the same in all plans of a run. */
    readonly proxied: ReadonlyMap<number, ReadsProxy>
    /** Ports where server names decide, in all plans of a run. */
    readonly named: readonly number[]
    /** Their clients may ask for TLS first. */
    readonly starttls: boolean
    /** Ports where TLS of clients ends, and whether weir speaks it to upstreams: in all plans. */
    readonly terminated: readonly number[]
    readonly originates: boolean
    /** Not this one of PLACES. */
    readonly without?: number
  }

/** Which ports are behind load balancers, and how their headers are read. */
export function drawProxied(dice: Dice): ReadonlyMap<number, ReadsProxy> {
  const ports = [80, 81, 82].filter(() => dice.chance(0.6))
  return new Map(
    ports.map(port => [
      port,
      {
        from: dice.pick([['0.0.0.0/0', '::/0'], ['10.0.0.0/25', 'fd00::/121'], ['10.0.0.128/25']]).map(cidr),
        require: dice.chance(0.5),
        versions: dice.pick([[1], [2], [1, 2]] as const),
        timeoutMs: 0,
      },
    ]),
  )
}

export const drawPlan = (dice: Dice, options: PlanOptions): Plan =>
  withUpstreams(withAccess(drawRouting(dice, options), dice, options), dice, options)

function drawRouting(dice: Dice, options: PlanOptions): Plan {
  const some = PLACES.filter((_, index) => index === ALWAYS || dice.chance(0.7))
  // Of few clusters each has many connections.
  const firstOf = (route: number): number => (options.share === 'warms' ? 1 : route)
  const all = options.many && dice.chance(0.05) ? [...some, ...MANY] : some
  const places = all.filter(place => place !== PLACES[options.without ?? -1])
  return {
    listeners: places.map((place, index) => drawListener(dice, place, index, options)),
    routes: Array.from({ length: CLUSTERS }, (_, index) => ({
      identity: `route ${index}`,
      destinations:
        index === EXACT_ROUTE
          ? EXACT_WEIGHTS.map((weight, cluster) => ({ cluster, weight }))
          : [0, 1].map(step => ({ cluster: (firstOf(index) + step) % CLUSTERS, weight: 1 + dice.below(4) })),
      split:
        index === EXACT_ROUTE
          ? ('exact' as const)
          : index === 1
            ? dice.pick(SPLITS.filter(each => each !== 'sticky'))
            : ('random' as const),
    })),
    clusters: Array.from({ length: CLUSTERS }, (_, index) => {
      const cluster = drawCluster(dice, index, options)
      return options.originates ? originating(cluster) : cluster
    }),
    sources: drawSources(dice),
  }
}

/** Who clients are: some of them nobody. */
export const drawSources = (dice: Dice): readonly Source[] =>
  CLIENTS.filter(() => dice.chance(0.3)).map(text => ({
    cidr: cidr(text),
    namespace: dice.pick(NAMESPACES),
    labels: dice.chance(0.5) ? { app: 'web' } : {},
  }))

export const placeAt = (index: number): { readonly bind: string; readonly port: number } => PLACES[index]

/** One that is not always there: to be left out of a plan, and brought back by the next. */
export const drawPlace = (dice: Dice): number => dice.pick([0, 1, 3, 4])

function drawListener(
  dice: Dice,
  place: { bind: string; port: number },
  index: number,
  { proxied, named, starttls, terminated, isSound }: PlanOptions,
): Listener {
  const reads = proxied.get(place.port)
  const isNamed = named.includes(place.port)
  const scopes = isNamed ? drawNamedScopes(dice) : [drawScope(dice, isSound)]
  const listener: Listener = {
    gateway: `test/gateway-${index}`,
    ...place,
    opens: true,
    destination: 'local',
    otherwise: 'close',
    ...(reads ? { proxyProtocol: { ...reads, timeoutMs: dice.pick([60, 700]) } } : {}),
    ...(isNamed ? { reads: starttls ? ('postgres' as const) : ('tls' as const), readTimeoutMs: 700 } : {}),
    scopes,
  }
  return terminated.includes(place.port) ? terminating(listener, dice) : listener
}

const drawScope = (dice: Dice, isSound: boolean): Listener['scopes'][number] => ({
  host: '',
  port: 0,
  addresses: [],
  rules: Array.from({ length: dice.below(4) }, (_, row) => drawRule(dice, row)),
  defaultRoute: dice.chance(0.9) || isSound ? dice.below(CLUSTERS) : -1,
})

/** Servers of a Gateway, one of which may take clients without TLS. */
function drawNamedScopes(dice: Dice): Listener['scopes'] {
  const patterns = [['*.test'], [dice.pick(NAMES)], ['*']].filter(() => dice.chance(0.7))
  const isPlain = dice.chance(0.6)
  return (patterns.length > 0 ? patterns : [['*']]).map((names, index) => {
    const scope = drawScope(dice, false)
    const rules = scope.rules.map(each => (dice.chance(0.5) ? { ...each, names: [dice.pick(NAMES)] } : each))
    return { ...scope, rules, takes: { names, plain: isPlain && index === 0 } }
  })
}

const cidr = (text: string): Rule['clients'][number] => parseCidr(text) as Rule['clients'][number]

const drawRule = (dice: Dice, row: number): Rule => ({
  origin: { virtualService: 'test/vs', block: 'tcp', route: row, match: 0, file: 'a.yaml', line: row + 1 },
  destinations: dice.chance(0.3) ? [cidr(dice.pick(OWN_ADDRESSES))] : [],
  port: dice.chance(0.3) ? dice.pick([80, 81, 82]) : 0,
  clients: dice.chance(0.7) ? [cidr(dice.pick(CLIENTS))] : [],
  source: {
    namespace: dice.chance(0.2) ? dice.pick(NAMESPACES) : null,
    labels: dice.chance(0.1) ? { app: 'web' } : {},
    visibleTo: null,
  },
  route: dice.below(CLUSTERS),
  never: null,
})

/** Where connections of a cluster go: one of them has nobody now and then, and comes back to us. */
export function drawEndpoints(dice: Dice, index: number, { isSound, share }: PlanOptions): Endpoint[] {
  const isOdd = index === 3 && !isSound
  const least = share === 'warms' ? 2 : 1 // who is alone does not warm up
  const count = isOdd && dice.chance(0.2) ? 0 : least + dice.below(4 - least)
  const first = dice.below(SERVERS.length)
  const endpoints = Array.from({ length: count }, (_, row) => ({
    address: dice.chance(0.1) && !isSound ? ABSENT : SERVERS[(first + row) % SERVERS.length],
    port: SERVER_PORT,
    weight: 1 + dice.below(3),
  }))
  if (isOdd && count > 0 && dice.chance(0.2)) endpoints[0] = { address: GATEWAY, port: 81, weight: 1 }
  return endpoints
}

function drawCluster(dice: Dice, index: number, options: PlanOptions): Cluster {
  const { isPatient, isSound, limits, introduces } = options
  const kind = index === 3 && !isSound && dice.chance(0.2) ? 'unknown' : 'static'
  const endpoints = kind === 'static' ? drawEndpoints(dice, index, options) : []
  return {
    host: `cluster-${index}`,
    subset: null,
    port: 80,
    kind,
    names: [],
    labels: {},
    endpoints,
    policy: {
      ...DEFAULT_POLICY,
      balance: dice.pick(['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM']),
      connectTimeoutMs: dice.pick([50, 300, 2000]),
      idleTimeoutMs: isPatient ? 0 : dice.pick([0, 500, 3000]),
      maxDurationMs: isPatient || dice.chance(0.7) ? 0 : dice.pick([400, 2500]),
      maxConnections: limits && dice.chance(0.3) ? dice.between(1, 6) : 0,
      keepalive: dice.chance(0.3) ? { timeS: 30, intervalS: 5, probes: 3 } : null,
      writeTimeoutMs: isPatient || index % 3 !== 1 ? 0 : 700, // by no dice: seeds stay the same
      connectAttempts: dice.between(1, 3),
      connectDeadlineMs: dice.pick([200, 3000]),
      remembersFailures: dice.chance(0.7),
      proxyVersion: introduces ? dice.pick([0, 1, 2] as const) : 0,
    },
  }
}
