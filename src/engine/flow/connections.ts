/**
 * The connections of one worker. Each module is a stage, and knows only those after it:
 *
 *   accept (intake.ts) ─▶ read (reading.ts) ─▶ TLS? (terminating.ts) ─▶ decide (admission.ts)
 *                     ┌──────────────────────────────────────────────────────────┘
 *                     └▶ dial (dialer.ts) ─▶ TLS? (originating.ts) ──┐
 *                                     close (endings.ts) ◀─ relay (passage.ts, flows.ts) ◀─┘
 *
 * States and moves are those of ../decide/state.ts. This module puts the stages together, and
 * passes completions and timeouts to their stage.
 */

import { mark } from '../../base/mark.ts'
import { type Kernel, makeRoom } from '../../kernel/kernel.ts'
import { operationOf, slotOf } from '../../kernel/user-data.ts'
import { liveRows } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Sessions } from '../../tls/session.ts'
import { Attempts } from '../decide/attempts.ts'
import { READ_LATE } from '../decide/deadline.ts'
import type { Decider } from '../decide/decide.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import { Account } from './account.ts'
import { Admission, type OnAdmitted } from './admission.ts'
import { Ask } from './ask.ts'
import { Bulk } from './bulk.ts'
import { type Clock, Deadlines } from './deadlines.ts'
import { Dialer } from './dialer.ts'
import { EarlyResets } from './early-resets.ts'
import { Endings } from './endings.ts'
import { Flows } from './flows.ts'
import { Intake } from './intake.ts'
import * as Operation from './operations.ts'
import { Originating } from './originating.ts'
import { Passage } from './passage.ts'
import { Ports } from './ports.ts'
import { Queues } from './queues.ts'
import { Reading } from './reading.ts'
import { otherOf, PortIs, type Side, Slots, UPSTREAM } from './slots.ts'
import { Splicer } from './splice.ts'
import { Starttls } from './starttls.ts'
import type { Tally } from './tally.ts'
import { Terminating } from './terminating.ts'
import { TlsFilter } from './tls-filter.ts'
import { Watch } from './watch.ts'

type ConnectionsOptions = {
  readonly kernel: Kernel
  readonly decider: Decider
  readonly journal: Journal
  readonly reception: Reception
  readonly clock: Clock
  /** The first descriptor that is too near the limit (../worker/descriptors.ts). */
  readonly descriptorCeiling: number
  readonly tls: Pick<Sessions, 'accept' | 'connect'>
  readonly tally: Tally
  readonly onAdmitted: OnAdmitted | undefined
}

export class Connections {
  readonly slots: Slots
  readonly intake: Intake
  readonly endings: Endings
  readonly ports: Ports
  readonly deadlines: Deadlines
  readonly #kernel: Kernel
  readonly #ask: Ask
  readonly #queues: Queues
  readonly #splicer: Splicer
  readonly #reading: Reading
  readonly #dialer: Dialer
  readonly #flows: Flows
  readonly #passage: Passage
  readonly #watch: Watch

  constructor(options: ConnectionsOptions) {
    const { kernel, decider, journal, reception, clock, descriptorCeiling, tls, tally, onAdmitted } = options
    const { sockets, memory, small, large, pipes } = kernel
    const slots = new Slots(liveRows(decider.limits.rows ?? decider.limits.maxConnections))
    const ask = new Ask(kernel, slots)
    const queues = new Queues(small, large, 2 * slots.count)
    const splicer = new Splicer(pipes, slots, descriptorCeiling)
    const deadlines = new Deadlines(slots, clock)
    const attempts = new Attempts(decider, journal, slots.count)
    const ports = new Ports({ ask, sockets, slots, queues, deadlines })
    const parts = { ask, slots, ports, queues, splicer, deadlines }
    const shared = { ...parts, kernel, sockets, memory, decider, journal, reception, clock }
    const redial = (slot: number, error: number) => dialer.lost(slot, error)
    const endings = new Endings({ ...shared, attempts, tally, redial })
    const account = new Account({ ...shared, counters: decider.stats.counters[decider.worker] })
    const bulk = new Bulk({ ...shared, account, endings })
    const flows = new Flows({ ...shared, account, bulk, endings })
    const passage = new Passage({ ...shared, account, flows, endings })
    const filter = new TlsFilter({ ...shared, passage, flows, endings })
    const originating = new Originating({ ...shared, filter, connect: upstream => tls.connect(upstream) })
    const resets = new EarlyResets({ ...shared, account, attempts, endings })
    const dialing = { attempts, originating, resets, filter, descriptorCeiling, flows, endings }
    const dialer = new Dialer({ ...shared, ...dialing })
    const stages = { memory, ports, queues, passage, flows, endings }
    const starttls = new Starttls({ ...stages, slots })
    const admission = new Admission({
      ...shared,
      passage,
      dialer,
      endings,
      starttls,
      onAdmitted: onAdmitted && (slot => onAdmitted(slot, stages)),
    })
    const terminating = new Terminating({ ...shared, filter, endings, accept: server => tls.accept(server) })
    const reading = new Reading({ ...shared, flows, terminating, admission, endings })
    this.intake = new Intake({ ...shared, descriptorCeiling, reading, admission, endings })
    this.#watch = new Watch({ ...shared, endings })
    this.slots = slots
    this.endings = endings
    this.ports = ports
    this.deadlines = deadlines
    this.#kernel = kernel
    this.#ask = ask
    this.#queues = queues
    this.#splicer = splicer
    this.#reading = reading
    this.#dialer = dialer
    this.#flows = flows
    this.#passage = passage
  }

  /** Handles the completion that the kernel has found. */
  complete(): void {
    const { generation, state } = this.slots
    const { word, result, flags } = this.#kernel
    const slot = slotOf(word)
    const side = (word & 1) as Side
    const kind = Operation.kindOf(operationOf(word))
    const buffer = this.#queues.take(flags, kind === Operation.RECEIVE_LARGER)
    if (generation[slot] !== this.#kernel.generation) {
      if (buffer >= 0) this.#queues.give(buffer)
      return
    }
    this.#ask.completed(slot, flags)
    if (state[slot] === State.Closing) {
      if (buffer >= 0) this.#queues.give(buffer)
      if (result > 0) mark('bytes while it is being closed')
      const isEarly = this.slots.readings.has(slot) || this.#dialer.isShaking(slot)
      if (result > 0 && !isEarly) this.#passage.late(slot, kind, side, result)
      this.endings.endWhenIdle(slot)
      return
    }
    switch (kind) {
      case Operation.RECEIVE:
      case Operation.RECEIVE_LARGER:
        if (state[slot] === State.Reading) this.#reading.received(slot, result, flags, buffer)
        else if (state[slot] === State.Dialing && side === UPSTREAM)
          this.#dialer.received(slot, result, flags, buffer)
        else this.#passage.received(slot, side, result, flags, buffer)
        break
      case Operation.SEND:
        if (state[slot] === State.Dialing && side === UPSTREAM) this.#dialer.sent(slot, result)
        else this.#flows.sent(slot, otherOf(side), result)
        if (state[slot] === State.Reading) this.#reading.sent(slot)
        break
      case Operation.READABLE:
        this.ports.polled(slot, side)
        if (state[slot] === State.Reading) this.#reading.ready(slot, result)
        else if (state[slot] === State.Dialing && side === UPSTREAM) this.#dialer.ready(slot, false, result)
        else this.#flows.ready(slot, side, result)
        break
      case Operation.WRITABLE:
        this.ports.hasRoom(slot, side)
        if (state[slot] === State.Dialing && side === UPSTREAM) this.#dialer.ready(slot, true, result)
        else this.#flows.ready(slot, otherOf(side), result)
        break
      case Operation.CONNECT:
        this.#dialer.completed(slot, result)
        break
      case Operation.WATCH:
        this.#watch.completed(slot, side, result, flags)
        break
      default: // the cancel of a dial: the dial's own end says the rest
    }
  }

  /** Resumes connections that waited for a buffer. */
  feed(): void {
    this.ports.feed(() => makeRoom(this.#kernel))
  }

  /** Ends what is overdue, and resumes what waited for it. */
  readonly look = (slot: number): void => {
    const { deadlines, endings } = this
    makeRoom(this.#kernel)
    const reason = deadlines.overdue(slot)
    if (reason === READ_LATE) this.#reading.late(slot)
    else if (reason === Reason['connect-timeout']) this.#dialer.callBack(slot)
    else if (reason >= 0) endings.close(slot, reason)
    else this.#lookAt(slot)
    if (this.slots.state[slot] !== State.Closing) deadlines.expect(slot)
  }

  #lookAt(slot: number): void {
    if ((this.slots.port[2 * slot + UPSTREAM] & PortIs.young) !== 0) this.#dialer.settle(slot)
    this.#watch.look(slot)
  }

  /** After the last connection. */
  end(): void {
    this.#splicer.end()
  }
}
