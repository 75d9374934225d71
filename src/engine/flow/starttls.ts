/**
 * Asks a server for TLS as PostgreSQL's clients do, as its client asked weir
 * (../decide/name-reader.ts): SSLRequest goes before the client's bytes, which wait for the
 * server's answer.
 *
 *   SSLRequest ─▶ server ─ 'S' ─▶ the client's bytes go on, and the filter is gone
 *                        ├ 'N', anything else, the end ─▶ reset, starttls-refused
 *                        └ nothing within the connect timeout ─▶ reset, starttls-timeout
 *
 * More than the one byte is refused: it came in the clear, and would pass for TLS (CVE-2021-23222).
 */

import type { Memory } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { isAgreed } from '../../wire/postgres-startup.ts'
import type { Endings } from './endings.ts'
import type { Filter } from './filter.ts'
import type { Flows } from './flows.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { otherOf, type Side, type Slots, UPSTREAM } from './slots.ts'

type StarttlsOptions = {
  readonly memory: Memory
  readonly slots: Slots
  readonly ports: Ports
  readonly queues: Queues
  readonly flows: Flows
  readonly endings: Endings
}

/** What its client has said meanwhile. */
type Kept = { readonly buffers: { readonly buffer: number; readonly bytes: number }[]; ended: boolean }

export class Starttls implements Filter {
  readonly isTransparent = false
  readonly #options: StarttlsOptions
  /** By slot. */
  readonly #kept = new Map<number, Kept>()

  constructor(options: StarttlsOptions) {
    this.#options = options
  }

  /** Asks the upstream of `slot` once it is connected (dialer.ts). */
  begin(slot: number): void {
    this.#kept.set(slot, { buffers: [], ended: false })
    this.#options.ports.setFilter(2 * slot + UPSTREAM, this)
  }

  /** Its answer. */
  said(slot: number, side: Side, buffer: number, bytes: number): void {
    const { memory, ports, queues } = this.#options
    const isYes = bytes === 1 && isAgreed(memory.u8[queues.placeOf(buffer)])
    queues.give(buffer)
    if (!isYes) this.#refuse(slot)
    else {
      ports.setFilter(2 * slot + side, null)
      this.#goOn(slot, side)
    }
  }

  saidEnd(slot: number): void {
    this.#refuse(slot)
  }

  tell(slot: number, side: Side, buffer: number, bytes: number): void {
    this.#kept.get(slot)?.buffers.push({ buffer, bytes })
    this.#options.flows.hold(slot, otherOf(side))
  }

  tellEnd(slot: number): void {
    const kept = this.#kept.get(slot)
    if (kept) kept.ended = true
  }

  /** It ended before the server agreed. */
  closed(slot: number): void {
    this.#options.slots.agreeUntilMs[slot] = Number.POSITIVE_INFINITY
    for (const { buffer } of this.#kept.get(slot)?.buffers ?? []) this.#options.queues.give(buffer)
    this.#kept.delete(slot)
  }

  #goOn(slot: number, side: Side): void {
    const { slots, flows } = this.#options
    slots.agreeUntilMs[slot] = Number.POSITIVE_INFINITY
    const { buffers = [], ended = false } = this.#kept.get(slot) ?? {}
    this.#kept.delete(slot)
    for (const [index, { buffer, bytes }] of buffers.entries())
      flows.put(slot, side, buffer, bytes, bytes, ended || index + 1 < buffers.length)
    if (ended) flows.putEnd(slot, side)
    flows.resume(slot, otherOf(side))
  }

  #refuse(slot: number): void {
    this.#options.endings.close(slot, Reason['starttls-refused'])
  }
}
