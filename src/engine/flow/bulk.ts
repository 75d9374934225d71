/**
 * Bulk: decides which directions are spliced (splice.ts) instead of copied, and what follows a turn
 * of splicing.
 *
 *   much in large pieces ─▶ pump ─┬─▶ a poll for its source or its target ─▶ pump …
 *                                 └─▶ little, or the end: receives again, and copies
 */

import { unreachable } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import type { SocketCalls } from '../../kernel/kernel.ts'
import type { Account } from './account.ts'
import type { Ask } from './ask.ts'
import type { Clock, Deadlines } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Ports } from './ports.ts'
import { otherOf, PortIs, type Side, type Slots } from './slots.ts'
import { Next, type Splicer } from './splice.ts'

/**
 * A port is bulk, and spliced, after this many bytes in receives of BULK_LEAST_BYTES (splice.ts) or
 * more. 4 MiB was slower.
 */
const BULK_BYTES = 2 ** 20

type BulkOptions = {
  readonly ask: Ask
  readonly sockets: SocketCalls
  readonly slots: Slots
  readonly ports: Ports
  readonly splicer: Splicer
  readonly account: Account
  readonly endings: Endings
  readonly deadlines: Deadlines
  readonly clock: Clock
}

export class Bulk {
  readonly #options: BulkOptions
  readonly #slots: Slots
  readonly #ports: Ports

  constructor(options: BulkOptions) {
    this.#options = options
    this.#slots = options.slots
    this.#ports = options.ports
  }

  /** Whether bytes of `side` may bypass filters. */
  isBulk(slot: number, side: Side): boolean {
    if (this.#slots.streak[2 * slot + side] < BULK_BYTES) return false
    return this.#isTransparent(slot, side) && this.#isTransparent(slot, otherOf(side))
  }

  #isTransparent(slot: number, side: Side): boolean {
    return this.#ports.filter(2 * slot + side)?.isTransparent ?? true
  }

  /** Splices bytes from `side` to the other side, and asks for what it needs to go on. */
  pump(slot: number, side: Side): void {
    const { splicer, account, clock } = this.#options
    const { fd, activeMs } = this.#slots
    const [source, target] = [2 * slot + side, 2 * slot + otherOf(side)]
    this.#unblock(source)
    this.#unblock(target)
    const next = splicer.pump(source, fd[source], fd[target])
    activeMs[slot] = clock.nowMs
    account.came(slot, side, splicer.taken)
    account.delivered(slot, side, splicer.given)
    if (splicer.given > 0) this.#slots.owedMs[source] = 0
    this.#follow(slot, side, next)
  }

  #follow(slot: number, side: Side, next: Next): void {
    const { ask, splicer, endings, deadlines } = this.#options
    switch (next) {
      case Next.readable:
        mark('a pipe waits for its source')
        this.#ports.awaitBytes(slot, side)
        break
      case Next.writable:
        mark('a pipe waits for its target')
        ask.writable(slot, otherOf(side))
        if (this.#slots.writeTimeoutMs[slot] > 0) deadlines.owe(slot, side)
        break
      case Next.copy:
        this.#slots.streak[2 * slot + side] = 0 // it has to qualify as bulk again
        this.#ports.receive(slot, side)
        break
      case Next.brokenSource:
        endings.break(slot, side, splicer.error)
        break
      case Next.brokenTarget:
        endings.break(slot, otherOf(side), splicer.error)
        break
      default:
        unreachable(next)
    }
  }

  /**
   * Once for each socket. splice(2) blocks unless the sockets are non-blocking. The kernel's
   * operations wait anyway, but those of io_uring may end with −EAGAIN (kernel/uring/prepare.ts).
   */
  #unblock(at: number): void {
    const { sockets } = this.#options
    const { port, fd } = this.#slots
    if ((port[at] & PortIs.unblocked) !== 0) return
    port[at] |= PortIs.unblocked
    sockets.setNonBlocking(fd[at])
    sockets.unpace(fd[at])
  }
}
