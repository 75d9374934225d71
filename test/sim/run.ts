/**
 * One run: a seed, and all that follows from it.
 *
 *   faults, operator ─▶ calm: who can end, ends ─▶ those who would not, relent: all end ─▶ drain or stop
 *      until QUIET_MS              CALM_MS                     RELENT_MS
 */

import { Live, LiveHead, liveAt, openConnections } from '../../src/stats/connections.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import { Counter, sumCounter } from '../../src/stats/stats.ts'
import { Clock } from './clock.ts'
import { Dice } from './dice.ts'
import { drawFaults, type Fault, Faults } from './faults.ts'
import { Gateway } from './gateway.ts'
import type { Machine } from './kernel.ts'
import { CONNECTIONS_MOST } from './memory.ts'
import { Network, nameOf, Socket } from './network.ts'
import { type Client, checkEnd, checkHeld, type Scene } from './oracle.ts'
import { KIND_NAMES, Peer, scriptOf } from './peers.ts'
import { DESTINATIONS, drawPlan, SERVER_PORT, SERVERS } from './plans.ts'
import { Process } from './process.ts'

const QUIET_MS = 3_000
const CALM_MS = 12_000
const RELENT_MS = 30_000
const END_MS = 10_000
/** Steps without an end are one: a run has some thousands. */
const STEPS_MOST = 400_000
const CHECK_EVERY = 16
/** Small buffers: those that make it call back, and what comes in two turns until that counts. */
const HELD_MOST = 8 + 2 * 32

export const ACTIONS = ['publish', 'close', 'limit', 'kill', 'sudden', 'lose', 'end'] as const
export type Action = (typeof ACTIONS)[number]

/** What a run has less of than its seed says; what is left is the same. */
export type Limits = {
  readonly connections?: number
  readonly bytes?: number
  readonly faults?: readonly Fault[]
  readonly actions?: readonly Action[]
}

export type Outcome = {
  readonly hash: number
  readonly events: number
  readonly connections: number
  readonly faults: readonly Fault[]
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
  const swarm = new Dice(seed, 1)
  const dice = new Dice(seed, 2)
  const clock = new Clock(print)
  let bug = ''
  const onBug = (what: string): void => {
    if (bug !== '') return
    bug = what
    clock.note(`BUG ${what}`)
  }
  const faults = new Faults(
    drawFaults(swarm, fault => limits.faults?.includes(fault) ?? true),
    dice,
  )
  const isBulk = swarm.chance(0.08)
  const isCrowd = !isBulk && swarm.chance(0.1)
  const capacity = isBulk ? 262_144 : swarm.pick([500, 4096, 16_384])
  const network = new Network(clock, dice, faults, { latencyMs: swarm.pick([0, 1, 20]), capacity })
  const files = faults.has('fewFiles') ? 40 : null
  const process = new Process(network, files ?? 10_000, onBug)
  const isFew = faults.has('fewBuffers')
  const buffers = {
    small: isFew ? 24 : 1024,
    smallBytes: 256,
    large: isFew ? 2 : 16,
    largeBytes: isBulk ? 65_536 : 4096,
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
  }
  const workers = isCrowd ? 2 : swarm.pick([1, 2, 2, 3])
  const most = swarm.chance(0.15) ? swarm.between(2, 10) : CONNECTIONS_MOST
  const gateway = new Gateway(machine, { workers, maxConnections: most, files })
  const isPatient = swarm.chance(0.3)
  const planned = { isPatient, limits: swarm.chance(0.3), many: files === null }
  gateway.publish(drawPlan(dice, planned))
  const actions = ACTIONS.filter(() => swarm.chance(0.35)).filter(
    each => limits.actions?.includes(each) ?? true,
  )

  // ── who talks
  const kinds = KIND_NAMES.filter(kind => (kind === 'bulk' ? isBulk : swarm.chance(0.5)))
  if (kinds.length === 0) kinds.push('talker')
  const bytes = Math.min(
    limits.bytes ?? Number.POSITIVE_INFINITY,
    isBulk ? 1_000_000 : swarm.pick([64, 3000, 60_000]),
  )
  const clients = new Map<number, Client>()
  const servers: Peer[] = []
  let numbers = 0
  let isRelenting = false
  const newPeer = (socket: Socket): Peer => {
    const kind = dice.pick(kinds)
    const peer = new Peer(++numbers, kind, scriptOf(kind, dice, bytes), socket, {
      clock,
      dice,
      network,
      onBug,
    })
    clock.note(`peer ${kind}`, peer.number, peer.script.says)
    if (isRelenting) peer.relent()
    return peer
  }
  for (const address of SERVERS.slice(0, swarm.between(2, SERVERS.length)))
    network.servers.set(`${address}:${SERVER_PORT}`, socket => servers.push(newPeer(socket)))
  const drawn = isCrowd ? 60 : isBulk ? swarm.between(2, 5) : swarm.between(1, 24)
  const count = Math.min(limits.connections ?? drawn, drawn)
  const skew = isCrowd || swarm.chance(0.3) ? workers : 1
  const connect = (index: number): void => {
    const to = dice.pick(DESTINATIONS)
    const address = `10.0.0.${dice.below(256)}`
    const port = 20_000 + index * skew
    const socket = new Socket(nameOf(address, port), nameOf(to.address, to.port))
    if (!network.connect(socket)) return
    clients.set(port, { peer: newPeer(socket), address, port, generation: gateway.generation })
  }
  const moments = [0, 1, 2].map(() => dice.below(QUIET_MS - 200))
  const moment = () => 1000 + (dice.chance(0.4) ? dice.pick(moments) : dice.below(QUIET_MS - 200))
  for (let index = 0; index < count; index++) clock.at(moment(), () => connect(index))

  // ── what the operator and the machine do
  const act = (action: Action): void => {
    clock.note(action)
    const worker = dice.pick(gateway.workers)
    switch (action) {
      case 'publish':
        if (!gateway.isEnding) gateway.publish(drawPlan(dice, planned))
        break
      case 'close':
        closeSome(gateway, dice)
        break
      case 'limit':
        gateway.limit(dice.between(1, most))
        break
      case 'kill':
      case 'sudden':
        gateway.kill(worker, action === 'sudden')
        break
      case 'lose': {
        const peer = dice.pick([...servers, ...[...clients.values()].map(each => each.peer)])
        if (peer?.socket.peer && faults.strikes('lostPeer'))
          network.giveUp(peer.socket.peer, dice.pick([110, 113]))
        break
      }
      case 'end':
        if (!gateway.isEnding) end(dice.chance(0.5) ? dice.below(2000) : -1)
        break
    }
  }
  const end = (drainMs: number): void =>
    gateway.end(drainMs < 0 ? { kind: 'stop' } : { kind: 'drain', timeoutMs: drainMs })
  for (const action of actions) {
    const times = action === 'end' || action === 'kill' || action === 'sudden' ? 1 : dice.between(1, 5)
    for (let time = 0; time < times; time++) clock.at(moment(), () => act(action))
  }

  // ── the scheduler
  let steps = 0
  let stalledMs = 0
  const scene: Scene = {
    ...{ gateway, clients, servers, onBug },
    heldMost: HELD_MOST * buffers.smallBytes + 2 * buffers.largeBytes + (isBulk ? 2 ** 20 : 0),
    get lateMs() {
      return 200 + stalledMs
    },
    files: process.files,
    get aborted() {
      // Without a descriptor, what waits at a listener that is closed cannot be accepted first.
      return files === null ? machine.aborted : Number.POSITIVE_INFINITY
    },
  }
  const until = (untilMs: number, isDone: () => boolean): boolean => {
    while (bug === '') {
      if (isDone()) return true
      if (++steps > STEPS_MOST) onBug('it never comes to rest')
      if (steps % CHECK_EVERY === 0) checkHeld(scene)
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
          stalledMs += 3_600_000
        }
        continue
      }
      const choice = dice.below(choices)
      if (choice === due.length) clock.step()
      else if (faults.strikes('stall')) {
        due[choice].stalledMs = clock.nowMs + 200
        stalledMs += 200
      } else gateway.turn(due[choice])
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
    gateway.limit(most)
    let startMs = clock.nowMs
    until(startMs + CALM_MS, never)
    if (bug === '' && !isFew && files === null) checkWaiting(scene)
    for (const { peer } of clients.values()) peer.relent()
    for (const server of servers) server.relent()
    isRelenting = true
    startMs = clock.nowMs
    const isQuiet = () =>
      [...clients.values()].every(({ peer }) => peer.isOver) && sumCounter(gateway.stats, Counter.open) === 0
    if (!until(startMs + RELENT_MS, isQuiet) && bug === '') {
      const waiting = [...clients.values()].filter(({ peer }) => !peer.isOver).map(({ port }) => port)
      fails(
        `connections never end: ${sumCounter(gateway.stats, Counter.open)} open, clients ${waiting.join(', ')}`,
      )
    }
    if (!gateway.isEnding) end(dice.chance(0.5) ? 1000 : -1)
    startMs = clock.nowMs
    if (!until(startMs + END_MS, () => gateway.isOver) && bug === '') fails('workers never end')
  } catch (error) {
    onBug(error instanceof Failed ? error.message : String((error as Error).stack))
  }
  const reasons = bug === '' ? checkEnd(scene) : new Map()
  return {
    hash: clock.hash,
    events: clock.notes,
    connections: clients.size,
    faults: [...faults.drawn],
    actions,
    reasons,
    bug,
  }
}

/** Who ends by itself, and whose server does, has ended, although others stand still. */
function checkWaiting({ clients, servers, onBug }: Scene): void {
  if (servers.some(({ script, isOver }) => !isOver && script.hears === 'nothing')) return
  for (const { peer, port } of clients.values()) {
    const { ends, hears, after } = peer.script
    if (peer.isOver || ends !== 'first' || hears === 'nothing' || after > 0) continue
    const server = servers.find(each => each.heardOf === peer.number || each.number === peer.heardOf)
    if (server === undefined ? peer.script.says >= 4 : server.isWilling && !server.isBehind)
      onBug(`client ${port} waits for others`)
  }
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
