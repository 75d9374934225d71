/** What becomes of endpoints that fail, in the plans of a run: ejection, and health checks. */

import { DEFAULT_CHECK, type HealthCheck } from '../../src/table/plan/health-check.ts'
import type { Cluster, Endpoint, Plan } from '../../src/table/plan/plan.ts'
import type { Ejection, Policy } from '../../src/table/plan/policy.ts'
import type { Dice } from './dice.ts'
import { EXACT_ROUTE, SERVER_PORT, SERVERS } from './plans.ts'

export type UpstreamOptions = {
  /** Destinations have outlier detection. */
  readonly ejection?: boolean
  /** Endpoints are checked. */
  readonly checks?: boolean
  /** Peers vanish. */
  readonly vanishing?: boolean
  /** Destinations go by the client's address. */
  readonly hashed?: boolean
  /** What the shares of destinations or endpoints depend on. */
  readonly share?: Share | null
  /** Connections of removed endpoints end. */
  readonly removes?: boolean
}

export type Share = 'redistributes' | 'near' | 'warms' | 'turns'

/** The plan, with what the run is about; without that no dice are thrown. */
export function withUpstreams(plan: Plan, dice: Dice, options: UpstreamOptions): Plan {
  const watched = withWatched(plan, dice, options)
  return options.removes
    ? { ...watched, clusters: watched.clusters.map(each => ending(each, dice)) }
    : watched
}

const ending = (cluster: Cluster, dice: Dice): Cluster =>
  dice.chance(0.8) ? { ...cluster, onRemoveMs: dice.pick([0, 200, 1500]) } : cluster

function withWatched(plan: Plan, dice: Dice, options: UpstreamOptions): Plan {
  const { ejection, checks, vanishing, hashed, share } = options
  if (share) return withShare(plan, dice, options, share)
  if (vanishing)
    return {
      ...plan,
      listeners: plan.listeners.map(each => ({ ...each, tcp: TIMES })),
      clusters: plan.clusters.map(each => ({ ...each, policy: { ...each.policy, ...FOUND_OUT } })),
    }
  return ejection || checks || hashed
    ? { ...plan, clusters: plan.clusters.map(each => withUpstream(each, dice, options)) }
    : plan
}

function withUpstream(cluster: Cluster, dice: Dice, { ejection, checks, hashed }: UpstreamOptions): Cluster {
  const ejects = ejection && dice.chance(0.8)
  const policy = hashed ? { ...cluster.policy, ...drawHash(dice) } : cluster.policy
  return {
    ...cluster,
    policy: ejects ? { ...policy, ejection: drawEjection(dice) } : policy,
    ...(checks && dice.chance(0.7) ? { check: drawCheck(dice) } : {}),
  }
}

/** No back-off stands in the way of what the naive model says. */
function withShare(plan: Plan, dice: Dice, options: UpstreamOptions, share: Share): Plan {
  const clusters = plan.clusters.map(each => {
    const cluster = withUpstream(each, dice, options)
    const policy = { ...cluster.policy, ...drawShare(dice, share) }
    return share === 'near' ? { ...cluster, policy, ...placed(cluster, dice) } : { ...cluster, policy }
  })
  const routes = plan.routes.map((each, row) =>
    share === 'redistributes' && row !== EXACT_ROUTE ? { ...each, onDead: 'redistribute' as const } : each,
  )
  return { ...plan, routes, clusters }
}

const drawShare = (dice: Dice, share: Share): Partial<Policy> => ({
  remembersFailures: false,
  ...(share === 'turns' ? { balance: 'ROUND_ROBIN', maxConnections: 0 } : {}),
  ...(share === 'warms'
    ? {
        balance: dice.pick(['LEAST_REQUEST', 'ROUND_ROBIN']),
        maxConnections: 0,
        warmup: {
          durationMs: dice.pick([2500, 6000]),
          minimumPercent: dice.pick([10, 10, 40]),
          aggression: dice.pick([1, 1, 2]),
        },
      }
    : {}),
})

/** More endpoints, some near and some far. */
function placed(cluster: Cluster, dice: Dice): Pick<Cluster, 'endpoints' | 'localities'> {
  const near = cluster.endpoints.map(each => ({ ...each, priority: 0, locality: 0 }))
  const far = SERVERS.filter(() => dice.chance(0.5)).map(address => ({
    address,
    port: SERVER_PORT,
    weight: 1,
    priority: 1,
    locality: 1,
  }))
  return { endpoints: [...near, ...(near.length > 0 ? far : [])], localities: ['here', 'there'] }
}

/** So short that who vanishes is found out within a run. */
const FOUND_OUT = { keepalive: { timeS: 1, intervalS: 1, probes: 2 }, userTimeoutMs: 1500 }
const TIMES = { ...FOUND_OUT, writeTimeoutMs: 0 }
/**
 * From when a peer vanishes until its connection has ended, where nothing stands still: the probes,
 * and the user timeout of bytes that are sent to it meanwhile.
 */
export const FOUND_OUT_MS = 3_000 + FOUND_OUT.userTimeoutMs

/** So short that endpoints go and come back within a run. */
const drawEjection = (dice: Dice): Ejection => ({
  failures: dice.pick([0, 1, 1, 2, 3]),
  gatewayFailures: dice.pick([0, 0, 1, 2]),
  intervalMs: dice.pick([70, 400]),
  baseMs: dice.pick([150, 900]),
  maxPercent: dice.pick([10, 34, 50, 100, 100]),
  minHealthPercent: dice.pick([0, 40, 100]),
})

/** Small tables, so that endpoints often differ; nothing is left aside for its last failure. */
const drawHash = (dice: Dice) => ({
  ...dice.pick([
    { balance: 'RING_HASH', hashSize: 16 },
    { balance: 'MAGLEV', hashSize: 67 },
  ] as const),
  remembersFailures: false,
})

const drawCheck = (dice: Dice): HealthCheck => ({
  ...DEFAULT_CHECK,
  kind: 'tcp',
  intervalMs: dice.pick([100, 300]),
  timeoutMs: dice.pick([20, 150]),
  rise: dice.between(1, 3),
  fall: dice.between(1, 3),
  onDown: dice.pick(['keep', 'close'] as const),
})

/** Each endpoint of a plan once. */
export const endpointsOf = ({ clusters }: Plan): readonly Endpoint[] =>
  clusters.flatMap(({ endpoints }) => endpoints)
