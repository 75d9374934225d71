/** What the operator and the machine do to a gateway, at any step. */

import { formatEndpoint } from '../../src/address/address.ts'
import { Live, LiveHead, liveAt, openConnections } from '../../src/stats/connections.ts'
import type { Cast } from './cast.ts'
import type { Dice } from './dice.ts'
import type { Gateway } from './gateway.ts'
import type { Machine } from './kernel.ts'
import { nameOf, nameText } from './names.ts'
import {
  CLUSTERS,
  drawEndpoints,
  drawPlace,
  drawPlan,
  drawSources,
  type PlanOptions,
  placeAt,
  SERVER_PORT,
  SERVERS,
} from './plans.ts'
import type { Version } from './tables.ts'
import { endpointsOf } from './upstreams.ts'

export const ACTIONS = [
  ...(['publish', 'flap', 'endpoints', 'clients', 'close', 'limit'] as const),
  ...(['stand', 'kill', 'sudden', 'lose', 'end'] as const),
] as const
/** Only in runs with endpoints that are watched; drawn apart, so that seeds stay what they were. */
export const UPSTREAM_ACTIONS = ['outage', 'vanish', 'drainEndpoint', 'enableEndpoint'] as const
/** Only in runs with TLS. */
export const RENEW = 'renew'
export type Action = (typeof ACTIONS)[number] | (typeof UPSTREAM_ACTIONS)[number] | typeof RENEW

/** These happen once in a run that has them. */
const ONCE: ReadonlySet<Action> = new Set(['kill', 'sudden', 'end'])

type Stage = {
  readonly machine: Machine
  readonly gateway: Gateway
  readonly cast: Cast
  readonly plans: PlanOptions
  readonly maxConnections: number
}

const UPSTREAM: ReadonlySet<Action> = new Set(UPSTREAM_ACTIONS)

export const timesOf = (action: Action, dice: Dice): number =>
  ONCE.has(action) ? 1 : dice.between(1, UPSTREAM.has(action) ? 12 : 5)

export function act(action: Action, stage: Stage): void {
  const { machine, gateway, cast, plans, maxConnections } = stage
  const { dice, clock, faults, network } = machine
  clock.note(action)
  const worker = dice.pick(gateway.workers)
  switch (action) {
    case 'publish':
      if (plans.policies) decideAnew(stage)
      else if (!gateway.isEnding) gateway.publish(drawPlan(dice, plans))
      break
    case 'flap':
      flap(stage)
      break
    case 'endpoints':
      if (!gateway.isEnding) gateway.reviseEndpoints(drawChange(dice, plans))
      break
    case 'renew':
      if (!gateway.isEnding) gateway.renew()
      break
    case 'clients':
      if (!gateway.isEnding) gateway.reviseClients(drawSources(dice))
      break
    case 'close':
      closeSome(gateway, dice)
      break
    case 'limit':
      gateway.limit(dice.between(1, maxConnections))
      break
    case 'stand':
      if (faults.on) gateway.stall(worker)
      break
    case 'kill':
    case 'sudden':
      gateway.kill(worker, action === 'sudden')
      break
    case 'lose': {
      const peers = cast.peers
      const peer = peers.length > 0 ? dice.pick(peers) : undefined
      if (peer?.socket.peer && faults.strikes('lostPeer'))
        network.giveUp(peer.socket.peer, dice.pick([110, 113]))
      break
    }
    case 'outage':
      if (faults.on) breakServer(stage)
      break
    case 'vanish': {
      const there = cast.peers.filter(each => !each.isOver)
      if (faults.on && there.length > 0) dice.pick(there).vanish()
      break
    }
    case 'drainEndpoint':
      gateway.health?.drain(drawEndpoint(stage))
      break
    case 'enableEndpoint':
      gateway.health?.enable(drawEndpoint(stage))
      break
    case 'end':
      end(gateway, dice)
      break
  }
}

/** Of the newest plan, or one that may have been in an older. */
function drawEndpoint({ machine: { dice }, gateway }: Stage): string {
  const { plan } = gateway.versions.at(-1) as Version
  const endpoints = endpointsOf(plan)
  const other = { address: dice.pick(SERVERS), port: SERVER_PORT }
  const { address, port } = endpoints.length > 0 && dice.chance(0.7) ? dice.pick(endpoints) : other
  return formatEndpoint(address, port)
}

/** Whatever was drained is in rotation again. */
export function enableAll({ health, versions }: Gateway): void {
  const { plan } = versions.at(-1) as Version
  for (const { address, port } of endpointsOf(plan)) health?.enable(formatEndpoint(address, port))
}

/** For a while a server refuses connects, or leaves them without an answer. */
function breakServer({ machine: { dice, clock, network } }: Stage): void {
  const name = nameText(nameOf(dice.pick(SERVERS), SERVER_PORT))
  const how = dice.pick([network.refusing, network.refusing, network.silent])
  how.add(name)
  clock.in(dice.pick([50, 300, 1200]), () => how.delete(name))
}

/** Drains or stops, unless it does already. */
export function end(gateway: Gateway, dice: Dice): void {
  if (gateway.isEnding) return
  const drains = dice.chance(0.5)
  gateway.end(drains ? { kind: 'drain', timeoutMs: dice.below(2000) } : { kind: 'stop' })
}

/** Policies change while some that have just come are read from. */
function decideAnew({ machine, gateway, cast, plans }: Stage): void {
  const { dice, clock } = machine
  for (let client = dice.below(5); client > 0; client--) clock.in(dice.below(20), () => cast.connect())
  clock.in(dice.below(100), () => {
    if (!gateway.isEnding) gateway.publish(drawPlan(dice, plans))
  })
}

/**
 * A listener is left out of a plan, comes back with the next, and may leave again; clients come
 * meanwhile.
 */
function flap({ machine, gateway, cast, plans }: Stage): void {
  const { dice, clock } = machine
  const place = drawPlace(dice)
  const { bind, port } = placeAt(place)
  const destination = { address: bind, port }
  const publish = (without: number): void => {
    if (!gateway.isEnding) gateway.publish(drawPlan(dice, { ...plans, without }))
  }
  const moments = Array.from({ length: 3 + dice.below(2) }, () => dice.below(4)).sort((a, b) => a - b)
  for (const [turn, afterMs] of moments.entries())
    clock.in(afterMs, () => publish(turn % 2 === 0 ? place : -1))
  if (bind !== '')
    for (let client = dice.below(4); client > 0; client--)
      clock.in(dice.below(4), () => cast.connect([destination]))
}

function drawChange(dice: Dice, plans: PlanOptions): Map<number, ReturnType<typeof drawEndpoints>> {
  const clusters = [dice.below(CLUSTERS), dice.below(CLUSTERS)]
  return new Map(clusters.map(cluster => [cluster, drawEndpoints(dice, cluster, plans)]))
}

/** Some of the open connections are to be closed, as `weir drain` asks for. */
function closeSome(gateway: Gateway, dice: Dice): void {
  for (const { index } of gateway.workers) {
    const { words, numbers } = openConnections(gateway.journals[index].connections)
    const rows: number[] = []
    for (let row = 0; row < words[LiveHead.used]; row++)
      if (words[liveAt(row) + Live.state] !== 0 && dice.chance(0.5)) rows.push(row)
    const afterMs = rows.map(() => dice.below(300)).sort((a, b) => a - b)
    gateway.tell(index, {
      kind: 'close',
      rows: Int32Array.from(rows),
      ids: Float64Array.from(rows, row => numbers[(liveAt(row) + Live.id) / 2]),
      afterMs: Float64Array.from(afterMs),
    })
  }
}
