/**
 * Bugs to be planted, one at a time, in the source as it is loaded: how strong the simulator is, is
 * how many of them it finds, and how soon (planted.test.ts). Each was a bug once, here or
 * elsewhere, or easily is one.
 */

export type Planted = {
  readonly name: string
  /** Below src. */
  readonly file: string
  readonly was: string
  readonly is: string
  /** Within how many seeds it is to be found. */
  readonly seeds: number
}

const plant = (name: string, seeds: number, file: string, was: string, is: string): Planted => ({
  name,
  file,
  was,
  is,
  seeds,
})

export const PLANTED: readonly Planted[] = [
  plant(
    'sockets are closed before their operations have ended',
    100,
    'engine/flow/endings.ts',
    'if (slots.inFlight[slot] > 0 || slots.resets[slot] === 2) {',
    'if (slots.resets[slot] === 2) {',
  ),
  plant('who found no buffer never asks again', 400, 'engine/flow/ports.ts', 'this.#starved.push(at)', ''),
  plant(
    'a short send counts as all of it',
    100,
    'engine/flow/flows.ts',
    'this.#queues.advance(direction, result)',
    'this.#queues.advance(direction, this.#queues.bytes(direction))',
  ),
  plant(
    'an end is counted twice',
    20,
    'engine/flow/endings.ts',
    'this.#counters[closedAt(reason)]++',
    'this.#counters[closedAt(reason)] += 2',
  ),
  plant(
    'an end overtakes what was said before it',
    200,
    'engine/flow/flows.ts',
    'if (this.#isOpen(slot) && this.#queues.count(direction) === 0) this.#finish(slot, otherOf(side))',
    'if (this.#isOpen(slot)) this.#finish(slot, otherOf(side))',
  ),
  plant(
    'nothing holds a writer back',
    400,
    'engine/flow/flows.ts',
    'if (this.#isTooMuch(direction)) this.#ports.stop(slot, from)',
    '',
  ),
  plant(
    'a receive that has ended counts as going on',
    100,
    'engine/flow/ports.ts',
    'this.#slots.port[at] &= ~(PortIs.receiving | PortIs.stopping)',
    '',
  ),
  plant(
    'who hands over does not wake the other',
    1000,
    'engine/worker/inboxes.ts',
    'if (Atomics.exchange(words, head + ROUSED, 1) === 0)',
    'if (Atomics.exchange(words, head + ROUSED, 1) < 0)',
  ),
  plant(
    'accepting is not taken up again after a pause',
    400,
    'engine/flow/listeners.ts',
    'this.#retryAt(listening, nowMs + PAUSE_MS)',
    '',
  ),
  plant(
    'who waits at a listener that is closed is forgotten',
    1000,
    'engine/flow/listeners.ts',
    'for (let fd = sockets.acceptWaiting(listening.fd); fd >= 0;',
    'for (let fd = -1; fd >= 0;',
  ),
  plant(
    'bytes do not set the idle time back',
    1000,
    'engine/decide/deadline.ts',
    'times.activeMs + allowed.idleTimeoutMs)',
    'times.acceptedMs + allowed.idleTimeoutMs)',
  ),
  plant(
    'a newer table is not read before routing',
    1000,
    'engine/flow/engine.ts',
    'this.#mailbox.refresh()',
    '',
  ),
  plant(
    "a connect's time is never up",
    400,
    'engine/flow/connections.ts',
    'this.#dialer.callBack(slot)',
    'void slot',
  ),
  plant(
    'a destination counts its connections up only',
    20,
    'engine/flow/endings.ts',
    'countOpen(decider, slots.clusterSlot[slot], -1)',
    '',
  ),
  plant(
    'the buffer of a late completion is kept',
    200,
    'engine/flow/connections.ts',
    'if (state[slot] === State.Closing) {\n      if (buffer >= 0) this.#queues.give(buffer)',
    'if (state[slot] === State.Closing) {',
  ),
  plant(
    'an order to close meets the next connection of the row',
    1000,
    'engine/flow/engine.ts',
    'if (!this.#journal.isOf(row, id)) return',
    'if (this.#connections.slots.state[row] === 0) return',
  ),
  plant(
    'a reset passes for an end',
    100,
    'engine/flow/passage.ts',
    'case Came.broken:\n        this.#endings.break(slot, side, result)',
    'case Came.broken:\n        this.#takeEnd(slot, side)',
  ),
  plant(
    'a pipe is used again with bytes in it',
    600,
    'engine/flow/splice.ts',
    'if (this.#slots.piped[direction] === 0 && this.#spare.length < SPARE_MAX)',
    'if (this.#spare.length < SPARE_MAX)',
  ),
  plant(
    'what was handed over and not taken is lost when the inbox closes',
    900,
    'engine/flow/engine.ts',
    'this.#handOver.close()\n    this.#takeHandedOver()',
    'this.#handOver.close()',
  ),
  plant(
    'a listener that is being closed has no successor',
    700,
    'engine/flow/listeners.ts',
    'if (this.#retiring > 0) this.#succeed()',
    '',
  ),
  plant('a revised part changes nothing', 200, 'engine/flow/engine.ts', 'this.#listeners.revise(table)', ''),
  plant(
    'whoever says no header in time is not looked at again',
    200,
    'engine/flow/reading.ts',
    'else this.#ask(slot, Asked.late)',
    'else void slot',
  ),
  plant(
    'a header for the upstream comes after what the client has said',
    200,
    'engine/flow/flows.ts',
    'queues.lead(direction, buffer, piece.length)',
    'queues.add(direction, buffer, piece.length, 0)',
  ),
  plant(
    'a hello that is not whole yet has no name',
    400,
    'engine/decide/name-reader.ts',
    'case Hello.more:\n      return unheard(arrival, hearing, bytes, asked)',
    'case Hello.more:\n      return taken',
  ),
  plant(
    'a filter that takes no more is told more',
    400,
    'engine/flow/flows.ts',
    '(flow[direction] & (FlowIs.held | FlowIs.heard)) !== 0',
    '(flow[direction] & FlowIs.heard) !== 0',
  ),
  plant(
    'the place of a source is not given back by who goes nowhere',
    200,
    'engine/decide/decide.ts',
    'if (reason !== ADMITTED && access !== null) giveBack(decider, decision)',
    '',
  ),
  plant(
    'the place of a source is not given back',
    100,
    'stats/sources.ts',
    'giveSource(sources, has - 1)\n    rows',
    'rows',
  ),
  plant(
    'a limit lets one more in',
    200,
    'stats/sources.ts',
    'before >= most) return REFUSED',
    'before > most) return REFUSED',
  ),
]
