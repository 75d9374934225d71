/**
 * Listeners in the log: each opens once every worker accepts for it, and one that cannot open is
 * reported once, with what to do. The workers try again every second.
 *
 *   published ─▶ pending ─ every worker accepts ─▶ "opens" ─▶ (a table without it) "closes"
 *                  └─ a worker reports a failure ─▶ "is not open", once for each error
 */

import type { TableListener } from '../../table/format/table.ts'
import type { WorkerStatus } from '../workers/worker-record.ts'
import type { Logger } from './log.ts'
import { holderOf, holderText } from './port-holder.ts'

type Pending = {
  /** The first table that has it. */
  readonly generation: number
  /** The error that the log has. */
  told: string
}

export class ListenerLog {
  readonly #log: Logger
  #listeners = new Map<string, TableListener>()
  readonly #pending = new Map<string, Pending>()

  constructor(log: Logger) {
    this.#log = log
  }

  publishing(generation: number, sockets: readonly TableListener[]): void {
    const before = this.#listeners
    this.#listeners = new Map(sockets.flatMap(each => (each.opens ? [[each.key, each]] : [])))
    for (const key of this.#listeners.keys())
      if (!before.has(key)) this.#pending.set(key, { generation, told: '' })
    for (const listener of before.keys()) {
      if (this.#listeners.has(listener)) continue
      if (!this.#pending.delete(listener)) this.#log.info({ listener }, `listener ${listener} closes`)
    }
  }

  look(status: readonly WorkerStatus[]): void {
    const failures = new Map(
      status.flatMap(each => each.failures.map(one => [one.listener, { ...one, ...each }] as const)),
    )
    for (const [listener, { code, message, generation }] of failures) {
      const socket = this.#listeners.get(listener)
      if (socket === undefined) continue
      const pending = this.#pending.getOrInsert(listener, { generation, told: '' })
      if (pending.told === code) continue
      pending.told = code
      this.#log.error(
        { listener, code },
        `listener ${listener} is not open: ${cureOf(code, message, socket)}; weir tries again every second`,
      )
    }
    // A worker that drains has closed what it could not open, too.
    if (status.some(({ state }) => state === 'draining' || state === 'ended')) return
    for (const [listener, { generation }] of this.#pending) {
      if (failures.has(listener) || status.some(each => each.generation < generation)) continue
      this.#pending.delete(listener)
      this.#log.info({ listener }, `listener ${listener} opens`)
    }
  }
}

/** What is wrong, and what would help. */
function cureOf(code: string, message: string, { bind, port }: TableListener): string {
  if (code === 'EADDRINUSE') {
    const holder = holderOf(bind, port)
    return `port ${port} is in use${holder ? ` by ${holderText(holder)}` : ''} (EADDRINUSE): stop that, or give the server another port`
  }
  if (code === 'EACCES')
    return `weir may not open port ${port} (EACCES): give it the capability CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), or lower the sysctl net.ipv4.ip_unprivileged_port_start`
  if (code === 'EADDRNOTAVAIL')
    return `no interface of this machine has the address ${bind} (EADDRNOTAVAIL): add it, or correct the bind`
  return message
}
