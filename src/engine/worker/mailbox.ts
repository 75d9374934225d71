/**
 * A worker's orders: before it accepts a connection, it checks whether a newer table, or a newer
 * part of it, has been posted.
 *
 * The check costs one atomic load of the epoch word, which the supervisor raises after it has
 * posted an order. Only if it has changed does the worker read the port, without waiting for the
 * event loop.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { assert, unreachable } from '../../base/assert.ts'
import { openTable, type Table, withPart } from '../../table/format/table.ts'
import type { TlsSecrets } from '../../tls/material.ts'
import type { InheritedSockets, ListeningSocket, Order, Report, WorkerTask } from './protocol.ts'

/** An engine's handlers for each kind of order, called in the order of posting. */
type Orders = {
  readonly adopt: (table: Table) => void
  /** The same rules and listeners, with other endpoints or clients. */
  readonly revise: (table: Table) => void
  /** Certificates and keys from now on; called before `adopt` of the table that asks for them. */
  readonly furnish?: (secrets: TlsSecrets) => void
  /** Listening sockets of another process; called before the first `adopt`. */
  readonly inherit?: (sockets: InheritedSockets) => void
  readonly accept?: () => void
  readonly tellSockets?: () => void
  /** @param shared  Listening sockets that another process has, too. */
  readonly drain: (timeoutMs: number, shared?: readonly ListeningSocket[]) => void
  readonly close: (order: Extract<Order, { kind: 'close' }>) => void
  readonly stop: () => void
}

export class Mailbox {
  readonly #port: MessagePort
  readonly #epoch: Int32Array
  readonly #orders: Orders
  #seen = 0
  #table: Table | null = null

  constructor(task: WorkerTask, orders: Orders) {
    this.#port = task.port
    this.#epoch = new Int32Array(task.epoch)
    this.#orders = orders
  }

  /** Handles orders that have arrived, if the epoch has changed. */
  readonly refresh = (): void => {
    if (Atomics.load(this.#epoch, 0) !== this.#seen) this.receive()
  }

  /** Handles all orders that have arrived. */
  receive(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: Order } | undefined
      if (!received) return
      this.obey(received.message)
    }
  }

  readonly obey = (order: Order): void => {
    switch (order.kind) {
      case 'table':
        this.#seen = order.epoch
        if (order.secrets) this.#orders.furnish?.(order.secrets)
        this.#table = open(order)
        this.#orders.adopt(this.#table)
        this.#report(this.#table)
        break
      case 'secrets':
        this.#seen = order.epoch
        this.#orders.furnish?.(order.secrets)
        break
      case 'endpoints':
      case 'clients':
        this.#seen = order.epoch
        assert(this.#table !== null, `${order.kind} without a table`)
        this.#table = withPart(this.#table, order.kind, order.buffer)
        this.#orders.revise(this.#table)
        this.#report(this.#table)
        break
      case 'drain':
        this.#orders.drain(order.timeoutMs, order.shared)
        break
      case 'inherit':
        this.#orders.inherit?.(order.sockets)
        break
      case 'accept':
        this.#orders.accept?.()
        break
      case 'sockets':
        this.#orders.tellSockets?.()
        break
      case 'close':
        this.#orders.close(order)
        break
      case 'stop':
        this.#orders.stop()
        break
      default:
        unreachable(order)
    }
  }

  #report({ generation, endpointsRevision, clientsRevision }: Table): void {
    const report: Report = { kind: 'adopted', generation, endpointsRevision, clientsRevision }
    this.#port.postMessage(report)
  }
}

/** Asserts that the table is whole, and the one that the epoch announced. */
function open({ table, generation }: Order & { kind: 'table' }): Table {
  const opened = openTable(table)
  assert(opened.generation === generation, `table ${opened.generation} posted as ${generation}`)
  return opened
}
