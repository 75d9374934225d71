/**
 * What may go wrong in a run. Each run draws a subset (Groce and others, "Swarm Testing", 2012):
 * with all of them always, connections die before anything deep happens to them.
 */

import type { Dice } from './dice.ts'

/** By name, how often where it is drawn. */
export const FAULTS = {
  /** Completions in any order, but for those of one operation. */
  reorder: 0.3,
  /** An operation completes some time after it could. */
  late: 0.3,
  /** A repeating operation ends with a completion that has all else in order. */
  moreLost: 0.1,
  /** No buffer, though there are some, and also where nothing has come. */
  noBuffer: 0.05,
  /** A send that is cut short. */
  shortSend: 0.2,
  /** Receives bring less than there is. */
  shortReceive: 0.5,
  /** The hint that there is more is wrong. */
  wrongHint: 0.3,
  /**
   * −EAGAIN, which a ring says rarely of sockets that block, and of others where they would wait.
   */
  again: 0.1,
  /** A cancel that says −EALREADY, and its target ends a while later, or in its own way. */
  cancelRace: 0.4,
  /** accept fails: ECONNABORTED, EMFILE, ENFILE, ENOMEM, ENOBUFS. */
  acceptFails: 0.15,
  /** socket() fails for want of files or memory. */
  dialFails: 0.05,
  /** connect fails in every way there is. */
  connectFails: 0.25,
  /** Servers that never answer a connect. */
  blackhole: 0.15,
  /** A socket is given up by the kernel: ETIMEDOUT, EHOSTUNREACH. */
  lostPeer: 0.02,
  /** A reset drops what was received and not read. */
  resetDrops: 0.5,
  /** setsockopt, shutdown and abort find the peer gone. */
  callFails: 0.1,
  /** io_uring_enter is short of memory. */
  waitFails: 0.03,
  /** In the middle of a worker's turn, others have theirs, and things happen. */
  meanwhile: 0.3,
  /** A signal ends the wait. */
  signal: 0.05,
  /** No pipes. */
  noPipe: 0.3,
  /** A worker's thread stands still for a while. */
  stall: 0.01,
  /** The machine was suspended. */
  jump: 0.001,
  /** Few completions fit in the queue. */
  smallQueue: 1,
  /** Few operations fit in a batch. */
  smallBatch: 1,
  /** Few buffers. */
  fewBuffers: 1,
  /** Few files. */
  fewFiles: 1,
  /** listen fails. */
  listenFails: 0.3,
} as const
export type Fault = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[]

/** @param allowed  Of those that are drawn; the others stay away, and nothing else changes. */
export function drawFaults(swarm: Dice, allowed: (fault: Fault) => boolean): readonly Fault[] {
  const share = swarm.pick([0, 0.1, 0.3, 0.6])
  return FAULT_NAMES.filter(() => swarm.chance(share)).filter(allowed)
}

export class Faults {
  readonly drawn: ReadonlySet<Fault>
  /** False once the run is to end well. */
  on = true
  readonly #dice: Dice

  constructor(drawn: Iterable<Fault>, dice: Dice) {
    this.drawn = new Set(drawn)
    this.#dice = dice
  }

  has(fault: Fault): boolean {
    return this.drawn.has(fault)
  }

  /** Whether it happens now. */
  strikes(fault: Fault): boolean {
    return this.on && this.drawn.has(fault) && this.#dice.chance(FAULTS[fault])
  }
}
