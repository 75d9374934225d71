/**
 * One run: a seed, and all that follows from it.
 *
 *   faults, operator ─▶ calm: who can end, ends ─▶ those who would not, relent: all end ─▶ drain or stop
 *      until QUIET_MS              CALM_MS                     RELENT_MS
 */

import type { OnAdmitted } from '../../src/engine/flow/admission.ts'
import { CLIENT, UPSTREAM } from '../../src/engine/flow/slots.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import { Counter, sumCounter } from '../../src/stats/stats.ts'
import { type Action, act, enableAll, end, timesOf } from './actions.ts'
import { Cast } from './cast.ts'
import { Clock } from './clock.ts'
import { Dice } from './dice.ts'
import type { Fault } from './faults.ts'
import { Gateway } from './gateway.ts'
import type { Machine } from './kernel.ts'
import { Network } from './network.ts'
import { checkEnd, checkHeld, checkWaiting, type Scene } from './oracle.ts'
import { checkPlaces } from './places.ts'
import { drawPlan, SERVERS } from './plans.ts'
import { Process } from './process.ts'
import { RECORD_MOST_BYTES } from './session.ts'
import { SessionFilter } from './session-filter.ts'
import { drawSwarm, type Feature, type Limits, type Swarm } from './swarm.ts'

const QUIET_MS = 3_000
const CALM_MS = 12_000
const RELENT_MS = 30_000
/** Of the calm, while endpoints warm up that nothing happens to any more. */
const WARMING_MS = 6_000
const END_MS = 10_000
/** Steps without an end are one: most runs have some thousands. */
const STEPS_MOST = 400_000
/** Records of a session, in sockets of 500 bytes, may take so many each for 60 kB both ways. */
const CONNECTION_STEPS_MOST = 10_000
const CHECK_EVERY = 16
/** Small buffers: those that make it call back, and what comes in two turns until that counts. */
const HELD_MOST = 8 + 2 * 32
/** What the pipe of a direction holds (PIPE_BYTES in src/engine/flow/splice.ts). */
const PIPE_BYTES = 2 ** 20

export type Outcome = {
  readonly hash: number
  readonly events: number
  readonly connections: number
  readonly faults: readonly Fault[]
  readonly features: readonly Feature[]
  readonly actions: readonly Action[]
  readonly reasons: ReadonlyMap<ReasonName, number>
  /** What must not be, the first of it; '' where all is well. */
  readonly bug: string
}

class Failed extends Error {}

export function run(
  seed: bigint,
  limits: Limits = {},
  print: ((line: string) => void) | null = null,
): Outcome {
  const dice = new Dice(seed, 2)
  const clock = new Clock(print)
  let bug = ''
  const onBug = (what: string): void => {
    if (bug !== '') return
    bug = what
    clock.note(`BUG ${what}`)
  }
  const draws = {
    swarm: new Dice(seed, 1),
    later: new Dice(seed, 3),
    secured: new Dice(seed, 4),
    newest: new Dice(seed, 5),
    shares: new Dice(seed, 6),
    removal: new Dice(seed, 7),
  }
  const swarm = drawSwarm(draws, dice, limits)
  const { faults, files, buffers } = swarm
  const network = new Network(clock, dice, faults, swarm)
  const process = new Process(network, files ?? 10_000, onBug)
  const meanwhile = (): void => {
    if (clock.nextMs <= clock.nowMs && dice.chance(0.6)) clock.step()
    const due = gateway.workers.filter(worker => gateway.isDue(worker))
    if (due.length > 0) gateway.turn(dice.pick(due))
  }
  const machine: Machine = {
    clock,
    dice,
    faults,
    network,
    process,
    onBug,
    buffers,
    wakes: new Map(),
    aborted: 0,
    meanwhile,
  }
  const { maxConnections, workers, plans } = swarm
  const onAdmitted = sessions(swarm, machine)
  const hasTls = plans.originates || plans.terminated.length > 0
  const gateway = new Gateway(machine, {
    workers,
    maxConnections,
    files,
    onAdmitted,
    hasHealth: swarm.hasHealth,
    hasTls,
    revokes: swarm.features.has('revokes'),
    removes: swarm.features.has('removes'),
    hasTurns: swarm.features.has('turns'),
  })
  gateway.publish(drawPlan(dice, plans))
  const cast = new Cast(
    machine,
    swarm,
    dice.between(plans.isSound ? SERVERS.length : 2, SERVERS.length),
    () => gateway,
  )
  plan(swarm, { machine, gateway, cast })

  // ── the scheduler
  let steps = 0
  const stepsMost = Math.max(STEPS_MOST, CONNECTION_STEPS_MOST * swarm.connections)
  let suspendedMs = 0
  const scene: Scene = {
    gateway,
    onBug,
    clients: cast.clients,
    servers: cast.servers,
    proxied: plans.proxied,
    heldMost: heldMostOf(swarm),
    isLossy: faults.has('lostPeer') || swarm.features.has('vanishing'),
    failsConnects: faults.has('connectFails'),
    failsCalls: faults.has('callFails'),
    get lateMs() {
      return 200 + suspendedMs + gateway.stalledMs
    },
    // A handshake keeps a connection alive, and no record tells of its bytes.
    unseenMs: onAdmitted || hasTls ? 5000 : 0,
    files: process.files,
    hasFiles: files === null,
    get aborted() {
      // Without a descriptor, what waits at a listener that is closed cannot be accepted first.
      return files === null ? machine.aborted : Number.POSITIVE_INFINITY
    },
  }
  const until = (untilMs: number, isDone: () => boolean): boolean => {
    while (bug === '') {
      if (isDone()) return true
      if (++steps > stepsMost) onBug('it never comes to rest')
      if (steps % CHECK_EVERY === 0) {
        checkHeld(scene)
        checkPlaces(scene)
        gateway.dials.check()
        gateway.health?.check(gateway.versions.at(-1)!.plan)
      }
      const due = gateway.workers.filter(worker => gateway.isDue(worker))
      const isEventDue = clock.nextMs <= clock.nowMs
      const choices = due.length + (isEventDue ? 1 : 0)
      if (choices === 0) {
        const nextMs = Math.min(clock.nextMs, ...gateway.workers.map(worker => gateway.dueMs(worker)))
        if (nextMs > untilMs) {
          clock.nowMs = Math.max(clock.nowMs, Math.min(untilMs, nextMs))
          return isDone()
        }
        clock.nowMs = Math.max(clock.nowMs, nextMs)
        if (faults.strikes('jump')) {
          clock.nowMs += 3_600_000
          suspendedMs += 3_600_000
        }
        continue
      }
      const choice = dice.below(choices)
      if (choice === due.length) clock.step()
      else if (faults.strikes('stall')) gateway.stall(due[choice])
      else gateway.turn(due[choice])
    }
    return false
  }
  const fails = (what: string): never => {
    throw new Failed(what)
  }
  const never = (): boolean => false

  try {
    until(1000 + QUIET_MS, never)
    faults.on = false
    gateway.limit(maxConnections)
    let startMs = clock.nowMs
    until(startMs + CALM_MS, never)
    if (bug === '' && !faults.has('fewBuffers') && files === null) checkWaiting(scene)
    cast.relent()
    startMs = clock.nowMs
    const clients = [...cast.clients.values()]
    const isQuiet = () =>
      clients.every(({ peer }) => peer.isOver) && sumCounter(gateway.stats, Counter.open) === 0
    if (!until(startMs + RELENT_MS, isQuiet) && bug === '') {
      const waiting = clients.filter(({ peer }) => !peer.isOver).map(({ port }) => port)
      fails(
        `connections never end: ${sumCounter(gateway.stats, Counter.open)} open, clients ${waiting.join(', ')}`,
      )
    }
    end(gateway, dice)
    gateway.health?.close()
    gateway.removals?.close()
    startMs = clock.nowMs
    if (!until(startMs + END_MS, () => gateway.isOver) && bug === '') fails('workers never end')
  } catch (error) {
    onBug(error instanceof Failed ? error.message : String((error as Error).stack))
  }
  const reasons = bug === '' ? checkEnd(scene) : new Map()
  return {
    hash: clock.hash,
    events: clock.notes,
    connections: cast.clients.size,
    reasons,
    bug,
    faults: [...faults.drawn],
    features: [...swarm.features],
    actions: swarm.actions,
  }
}

type Stage = { readonly machine: Machine; readonly gateway: Gateway; readonly cast: Cast }

/** When clients come, and what is done. A part of it all happens at the same few moments. */
function plan(swarm: Swarm, stage: Stage): void {
  const { clock, dice } = stage.machine
  const moments = [0, 1, 2].map(() => dice.below(QUIET_MS - 200))
  const together = swarm.features.has('crowd') ? 0.9 : 0.4
  const moment = (within: number) =>
    1000 + (dice.chance(together) ? dice.pick(moments) + dice.below(within) : dice.below(QUIET_MS - 200))
  const later = () => 1000 + QUIET_MS + dice.below(WARMING_MS)
  for (let count = swarm.connections; count > 0; count--)
    clock.at(swarm.isCalm && dice.chance(0.8) ? later() : moment(2), () => stage.cast.connect())
  if (swarm.isCalm) clock.at(1000 + QUIET_MS, () => enableAll(stage.gateway))
  const { plans, maxConnections } = swarm
  for (const action of swarm.actions)
    for (let times = timesOf(action, dice); times > 0; times--)
      clock.at(moment(dice.pick([1, 2, 50])), () => act(action, { ...stage, plans, maxConnections }))
}

/** What one direction may hold, whoever does not read. */
function heldMostOf({ features, buffers }: Swarm): number {
  const most = HELD_MOST * buffers.smallBytes + 2 * buffers.largeBytes
  const sessions = ['clientSession', 'upstreamSession', 'terminates', 'originates'].filter(each =>
    (features as ReadonlySet<string>).has(each),
  ).length
  return most + sessions * 4 * RECORD_MOST_BYTES + (features.has('bulk') ? PIPE_BYTES : 0)
}

/** Sessions of the gateway, where the run has them. */
function sessions({ features }: Swarm, machine: Machine): OnAdmitted | undefined {
  const sides = [
    ...(features.has('clientSession') ? ([CLIENT] as const) : []),
    ...(features.has('upstreamSession') ? ([UPSTREAM] as const) : []),
  ]
  if (sides.length === 0) return undefined
  const filters = new WeakMap<object, SessionFilter>()
  return (slot, stages) => {
    const filter = filters.get(stages.flows) ?? new SessionFilter(stages, machine)
    filters.set(stages.flows, filter)
    for (const side of sides) filter.stand(slot, side)
  }
}
