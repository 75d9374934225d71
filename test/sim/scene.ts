/**
 * A gateway of one worker, without faults but for those asked for, moved step by step by a test:
 * for what a seed has found.
 */

import type { OnAdmitted } from '../../src/engine/flow/admission.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { Clock } from './clock.ts'
import { Dice } from './dice.ts'
import { type Fault, Faults } from './faults.ts'
import { Gateway } from './gateway.ts'
import type { Machine } from './kernel.ts'
import { nameOf } from './names.ts'
import { Network } from './network.ts'
import { Process } from './process.ts'
import { Socket } from './sockets.ts'

export type Scene = {
  readonly gateway: Gateway
  readonly machine: Machine
  readonly network: Network
  /** Everything that is due happens, until nothing is, and `ms` have passed. */
  readonly pass: (ms: number) => void
  /** Only what the world does: the worker's thread stands still. */
  readonly passOutside: () => void
  /** @param from  Its address; absent: that of all who have none. */
  readonly client: (address: string, port: number, from?: string) => Socket
}

type Options = {
  readonly faults?: readonly Fault[]
  readonly seed?: bigint
  readonly latencyMs?: number
  readonly onAdmitted?: OnAdmitted
  /** Endpoints are checked and drained. */
  readonly hasHealth?: boolean
  /** Connections of removed endpoints may have to end. */
  readonly removes?: boolean
}

export function openScene(plan: Plan, wrong: Options = {}): Scene {
  const dice = new Dice(wrong.seed ?? 1n, 1)
  const clock = new Clock(null)
  const faults = new Faults(wrong.faults ?? [], dice)
  const onBug = (what: string): never => {
    throw new Error(what)
  }
  const network = new Network(clock, dice, faults, {
    latencyMs: wrong.latencyMs ?? 0,
    capacity: 16_384,
  })
  const process = new Process(network, 1000, onBug)
  const buffers = { small: 64, smallBytes: 256, large: 4, largeBytes: 4096 }
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
    meanwhile: () => {},
  }
  const gateway = new Gateway(machine, {
    workers: 1,
    maxConnections: 100,
    files: null,
    onAdmitted: wrong.onAdmitted,
    hasHealth: wrong.hasHealth ?? false,
    removes: wrong.removes ?? false,
  })
  gateway.publish(plan)
  let clients = 0
  const pass = (ms: number): void => {
    const untilMs = clock.nowMs + ms
    for (;;) {
      const due = gateway.workers.find(worker => gateway.isDue(worker))
      if (due) gateway.turn(due)
      else if (clock.nextMs <= untilMs) clock.step()
      else if (gateway.dueMs(gateway.workers[0]) <= untilMs) clock.nowMs = gateway.dueMs(gateway.workers[0])
      else break
    }
    clock.nowMs = untilMs
  }
  const passOutside = (): void => {
    while (clock.nextMs <= clock.nowMs) clock.step()
  }
  const client = (address: string, port: number, from = ''): Socket => {
    const own = from || (address.includes(':') ? 'fd00::1' : '10.0.0.1')
    const socket = new Socket(nameOf(own, 20_000 + clients++), nameOf(address, port))
    if (!network.connect(socket)) throw new Error(`nobody listens on ${address}:${port}`)
    return socket
  }
  return { gateway, machine, network, pass, passOutside, client }
}
