/**
 * What a run is made of: drawn from its seed, once, before anything happens. Each run has a few
 * of all the faults, actions, features and kinds of peers: with all of them, connections die before
 * anything deep happens.
 */

import { ACTIONS, type Action, RENEW } from './actions.ts'
import type { Dice } from './dice.ts'
import { drawFaults, type Fault, Faults } from './faults.ts'
import { CONNECTIONS_MOST } from './memory.ts'
import { KIND_NAMES } from './peers.ts'
import { drawProxied, type PlanOptions } from './plans.ts'

/** What a run may be about, with how often it is. */
export const FEATURES = {
  /** Bytes by the megabyte, so that pipes are used. */
  bulk: 0.06,
  /** Many that stay, most of them at one worker: connections are handed over. */
  crowd: 0.12,
  /** Listeners behind load balancers. */
  proxied: 0.25,
  /** Upstreams are told who their client is. */
  introduces: 0.25,
  /** Listeners where server names decide. */
  named: 0.15,
  /** Clients ask for TLS before they begin it, where server names decide. */
  starttls: 0.7,
  /** Clients speak to a session of the gateway's. */
  clientSession: 0.12,
  /** The gateway speaks to upstreams by a session. */
  upstreamSession: 0.12,
  /** Some stand still in the handshake of a session, while others say much. */
  uneven: 0.07,
  /** Nothing is idle for too long, or lasts too long. */
  patient: 0.3,
  /** Destinations have limits. */
  limits: 0.3,
  /** Few connections may be open. */
  few: 0.15,
  /** Policies say who may connect. */
  policies: 0.15,
  /** Changed policies end the connections that they deny. */
  revokes: 0.6,
  /** Sources of connections have limits. */
  perSource: 0.15,
  /** Endpoints that fail are ejected. */
  ejection: 0.2,
  /** Endpoints are checked. */
  checks: 0.12,
  /** Operators drain endpoints. */
  drains: 0.15,
  /** Peers vanish. */
  vanishing: 0.06,
  /** TLS of clients ends at the gateway. */
  terminates: 0.12,
  /** The gateway speaks TLS to upstreams. */
  originates: 0.12,
  /** Destinations go by the client's address. */
  hashed: 0.1,
  /** A destination that is down gives its share to the others of the split. */
  redistributes: 0.04,
  /** Endpoints have priorities. */
  near: 0.04,
  /** Endpoints that come into rotation warm up. */
  warms: 0.03,
  /** Endpoints of different weights take turns. */
  turns: 0.04,
  /** Connections of removed endpoints end. */
  removes: 0.12,
} as const
export type Feature = keyof typeof FEATURES
const LATER = ['policies', 'perSource'] as const
const UPSTREAMS = ['ejection', 'checks', 'drains', 'vanishing', 'hashed'] as const
const SECURED = ['terminates', 'originates'] as const
/** Each in runs of its own, whose endpoints come and go but for those that take turns. */
const SHARES = ['redistributes', 'near', 'warms', 'turns'] as const
const WATCHED = ['checks', 'drains'] as const
/** Not together with TLS of the gateway's own. */
const NOT_SECURED = [
  ...(['clientSession', 'upstreamSession', 'uneven', 'vanishing'] as const),
  ...(['ejection', 'checks', 'drains', 'hashed'] as const),
] as const
const FEATURE_NAMES = (Object.keys(FEATURES) as Feature[]).filter(
  each =>
    ![...LATER, ...UPSTREAMS, ...SECURED, ...SHARES, 'revokes', 'starttls', 'removes'].some(
      later => later === each,
    ),
)

/** What a run has less of than its seed says; what is left is the same. */
export type Limits = {
  readonly connections?: number
  readonly bytes?: number
  readonly faults?: readonly Fault[]
  readonly actions?: readonly Action[]
  readonly features?: readonly Feature[]
}

export type Swarm = {
  readonly faults: Faults
  readonly features: ReadonlySet<Feature>
  readonly actions: readonly Action[]
  readonly clients: readonly string[]
  readonly servers: readonly string[]
  readonly workers: number
  readonly maxConnections: number
  /** Open files; null: there are always enough. */
  readonly files: number | null
  readonly connections: number
  /** About what a peer says. */
  readonly bytes: number
  /** Ports of clients are this far apart: which listener the kernel chooses follows from them. */
  readonly skew: number
  /** Of each direction's room in the network. */
  readonly capacity: number
  readonly latencyMs: number
  readonly buffers: {
    readonly small: number
    readonly smallBytes: number
    readonly large: number
    readonly largeBytes: number
  }
  readonly plans: PlanOptions
  /** Endpoints are checked or drained, or ejected. */
  readonly hasHealth: boolean
  /** Clients come later, too, while endpoints warm up. */
  readonly isCalm: boolean
}

const SESSIONS = ['clientSession', 'upstreamSession'] as const
/** Kinds of a crowd and of bulk, so that there is one. */
const STAYING = ['mute', 'stays', 'patient', 'sleeper']
/** So that some are on their way from worker to worker when the table changes. */
const CROWDED: ReadonlySet<Action> = new Set(['publish', 'flap', 'stand'])
/** So that policies change while a connection is read from. */
const DECIDED_ANEW: ReadonlySet<Action> = new Set(['publish', 'flap'])
const NONE: ReadonlySet<Action> = new Set()
/** With these, few connections show who was drawn. */
const NOT_WARMING: ReadonlySet<Fault> = new Set(['fewFiles', 'dialFails'])
const NOT_BULKY: ReadonlySet<Fault> = new Set(['shortReceive'])
/** While a machine is suspended, a client has no time to ask for TLS: its request is payload. */
const NOT_ASKING: ReadonlySet<Fault> = new Set(['jump'])
/** With their servers fewer peers than one byte can number, by which they are told apart. */
const MANY = 110
/** So that most clients of a run whose endpoints warm up show who was drawn. */
const NOT_CALM = ['few', 'perSource', 'crowd', 'limits'] as const
const UPSET: ReadonlySet<Action> = new Set(['publish', 'flap', 'limit', 'kill', 'sudden', 'end'])
/** So that endpoints go and come back. */
const REMOVING: readonly Action[] = ['publish', 'endpoints']
const BULKY = ['bulk', 'bulkQuitter']
/** With these, few connections come as far as to a pipe. */
const NO_BULK = ['proxied', 'named', 'limits', 'few', ...LATER, 'revokes'] as const
/** With these, a connection waits before it is decided about. */
const NO_HEALTH = ['proxied', 'named', 'policies', 'revokes'] as const
/** Who vanishes is found out by the kernel alone. */
const NOT_VANISHING = [
  'ejection',
  'checks',
  'drains',
  'hashed',
  'clientSession',
  'upstreamSession',
  'uneven',
  'bulk',
] as const
/** Not in any run. */
const SPECIAL: ReadonlySet<string> = new Set([...BULKY, 'chatter'])
/** Who stands still in a handshake, and who says much meanwhile, a little at a time. */
const STANDING = ['sleeper', 'sleeper', 'slowReader', 'patient']
const SAYING = ['chatter', 'chatter', 'flood', 'patient']

/** The others draw what came later, so that the rest of a seed stays what it was. */
type Draws = Readonly<Record<'swarm' | 'later' | 'secured' | 'newest' | 'shares' | 'removal', Dice>>

export function drawSwarm(
  { swarm, later, secured, newest, shares, removal }: Draws,
  dice: Dice,
  limits: Limits,
): Swarm {
  const drawnFaults = drawFaults(swarm, fault => limits.faults?.includes(fault) ?? true)
  const drawn = [
    ...FEATURE_NAMES.filter(each => swarm.chance(FEATURES[each])),
    ...LATER.filter(each => later.chance(FEATURES[each])),
  ]
  // While they are read from, policies may change.
  if (drawn.includes('policies') && later.chance(0.7)) drawn.push(later.pick(['proxied', 'named']))
  if (drawn.includes('policies') && newest.chance(FEATURES.revokes)) drawn.push('revokes')
  drawn.push(...UPSTREAMS.filter(each => (each === 'hashed' ? newest : later).chance(FEATURES[each])))
  if (drawn.includes('ejection') && later.chance(0.4)) drawn.push('drains')
  drawn.push(...SECURED.filter(each => secured.chance(FEATURES[each])))
  const share = SHARES.find(each => shares.chance(FEATURES[each]))
  const isOther = [...UPSTREAMS, ...SECURED, 'bulk', 'uneven'].some(each => drawn.some(has => has === each))
  if (share && !isOther) drawn.push(share, ...(share === 'turns' ? [] : WATCHED))
  else if (!isOther && removal.chance(2 * FEATURES.warms))
    drawn.push('warms', ...(removal.chance(0.4) ? WATCHED : (['drains'] as const)))
  if (removal.chance(FEATURES.removes) && !drawn.includes('bulk')) drawn.push('removes')
  const features = new Set(drawn.filter(each => limits.features?.includes(each) ?? true))
  const isWarming = features.has('warms')
  const isCalm = isWarming && removal.chance(0.7)
  if (isCalm) for (const each of NOT_CALM) features.delete(each)
  const isSecured = SECURED.some(each => features.has(each))
  if (isSecured) {
    for (const each of NOT_SECURED) features.delete(each)
    const more = secured.chance(0.3) ? 'named' : secured.chance(0.06) ? 'bulk' : null
    if (more && (limits.features?.includes(more) ?? true)) features.add(more)
  }
  if (!features.has('policies')) features.delete('revokes')
  if (features.has('vanishing')) for (const each of NOT_VANISHING) features.delete(each)
  const isUneven = features.has('uneven')
  if (isUneven) features.add(swarm.pick(SESSIONS)).delete('named')
  const noBulk = ['clientSession', 'upstreamSession', 'crowd'] as const
  if (noBulk.some(each => features.has(each))) features.delete('bulk')
  if (features.has('named')) for (const each of SESSIONS) features.delete(each)
  const mayAsk = features.has('named') && !features.has('originates')
  if (mayAsk && shares.chance(FEATURES.starttls) && (limits.features?.includes('starttls') ?? true))
    features.add('starttls')
  const isBulk = features.has('bulk')
  if (isBulk) for (const each of NO_BULK) features.delete(each)
  const hasHealth = UPSTREAMS.some(each => features.has(each))
  // Whoever is decided about as it comes, is decided about by a table that is known.
  if (hasHealth) for (const each of NO_HEALTH) features.delete(each)
  const hasFault = (each: Fault): boolean =>
    !(isBulk && NOT_BULKY.has(each)) &&
    !(isWarming && NOT_WARMING.has(each)) &&
    !(features.has('starttls') && NOT_ASKING.has(each))
  const faults = drawnFaults.filter(hasFault)
  if (isBulk && newest.chance(0.3) && (limits.faults?.includes('noPipe') ?? true)) faults.push('noPipe')
  const isCrowd = features.has('crowd')
  const often = isCrowd ? CROWDED : features.has('policies') ? DECIDED_ANEW : NONE
  const wanted: Action[] = ACTIONS.filter(each => swarm.chance(0.35) || often.has(each))
  if (isSecured && secured.chance(0.5)) wanted.push(RENEW)
  if (hasHealth) wanted.push(...drawUpstreamActions(later, features))
  if (features.has('removes')) wanted.push(...REMOVING.filter(each => !wanted.includes(each)))
  if (isWarming && !wanted.includes('endpoints')) wanted.push('endpoints')
  const left = wanted.filter(each => !(isCalm && UPSET.has(each)))
  const actions = left.filter(each => limits.actions?.includes(each) ?? true)
  const workers = swarm.pick([1, 2, 2, 3])
  const few = swarm.between(2, 10)
  const more = hasHealth || features.has('turns') ? later.below(30) : 0
  const some = isBulk ? swarm.between(6, 12) : swarm.between(isUneven ? 12 : 1, 24) + more
  const connections = isWarming ? MANY : isCrowd ? 80 : some
  const bytes = isBulk ? 1_000_000 : swarm.pick([64, 3000, 60_000])
  const files = faults.includes('fewFiles') ? 40 : null
  const isFew = !isBulk && faults.includes('fewBuffers')
  const isOrderly = isCrowd && swarm.chance(0.5)
  const isSkewed = swarm.chance(0.3)
  return {
    faults: new Faults(faults, dice),
    features,
    actions,
    hasHealth,
    isCalm,
    files,
    ...(isUneven ? unevenKinds(features) : drawKinds(swarm, isBulk, isCrowd, features.has('removes'))),
    workers: isCrowd ? 2 : isBulk ? 1 : workers,
    maxConnections: features.has('few') ? few : CONNECTIONS_MOST,
    connections: Math.min(limits.connections ?? connections, connections),
    bytes: Math.min(limits.bytes ?? Number.POSITIVE_INFINITY, bytes),
    skew: isCrowd ? 2 : isSkewed ? workers : 1,
    capacity: isBulk ? 262_144 : swarm.pick([500, 4096, 16_384]),
    latencyMs: swarm.pick(isUneven || isBulk ? [0, 1] : [0, 1, 20]),
    buffers: {
      small: isFew ? 24 : 1024,
      smallBytes: 256,
      large: isFew ? 2 : 16,
      largeBytes: isBulk ? 65_536 : 4096,
    },
    plans: {
      isPatient: features.has('patient'),
      isSound: isBulk || isOrderly || isCalm,
      limits: features.has('limits'),
      introduces: features.has('introduces'),
      named: features.has('named') ? [80, 81].filter(() => swarm.chance(0.7)) : [],
      starttls: features.has('named') && features.has('starttls'),
      terminated: features.has('terminates') ? [80, 81, 82].filter(() => secured.chance(0.8)) : [],
      originates: features.has('originates'),
      proxied: features.has('proxied') ? drawProxied(swarm) : new Map(),
      many: files === null,
      policies: features.has('policies'),
      perSource: features.has('perSource'),
      ejection: features.has('ejection'),
      checks: features.has('checks'),
      vanishing: features.has('vanishing'),
      hashed: features.has('hashed'),
      share: SHARES.find(each => features.has(each)) ?? null,
      removes: features.has('removes'),
    },
  }
}

/** Endpoints that fail, and what operators do with endpoints. */
function drawUpstreamActions(later: Dice, features: ReadonlySet<Feature>): Action[] {
  const drains = features.has('drains') ? (['drainEndpoint', 'enableEndpoint'] as const) : []
  if (features.has('vanishing')) return ['vanish']
  return [...(later.chance(0.8) ? (['outage'] as const) : []), ...drains]
}

type Kinds = Pick<Swarm, 'clients' | 'servers'>

const unevenKinds = (features: ReadonlySet<Feature>): Kinds =>
  features.has('upstreamSession')
    ? { clients: SAYING, servers: STANDING }
    : { clients: STANDING, servers: SAYING }

function drawKinds(swarm: Dice, isBulk: boolean, isCrowd: boolean, stay: boolean): Kinds {
  const kinds = [...drawSome(swarm, isBulk, isCrowd), ...(stay ? STAYING : [])]
  return { clients: kinds, servers: kinds }
}

function drawSome(swarm: Dice, isBulk: boolean, isCrowd: boolean): readonly string[] {
  const kinds = KIND_NAMES.filter(each => !SPECIAL.has(each) && swarm.chance(isBulk ? 0.05 : 0.5))
  if (isBulk) return [...kinds, ...BULKY, ...BULKY]
  if (isCrowd) return [...STAYING, ...kinds.filter(() => swarm.chance(0.2))]
  return kinds.length > 0 ? kinds : ['talker']
}
