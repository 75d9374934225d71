/**
 * Tells the service manager how the gateway is: sd_notify(3), for systemd's `Type=notify`.
 *
 *   serving    READY=1      every listener accepts
 *   reloading  RELOADING=1  files are read; then READY=1 again, whatever came of it
 *   stopping   STOPPING=1   with the time that the drain may take
 *              MAINPID=     with the first of these, if it took over from another process of the unit
 *              WATCHDOG=1   twice in the unit's WatchdogSec=, from the main thread
 */

import { readFileSync } from 'node:fs'
import { clockOriginMs, monotonicMs } from '../base/clock.ts'
import type { Phase } from '../control/gateway-options.ts'
import type { Logger } from '../control/observe/log.ts'
import { Errno, errnoName } from '../kernel/errno.ts'
import type { NotifySocket } from '../kernel/notify-socket.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** When a message is tried again for which the manager's queue had no room. */
const AGAIN_MS = 100

/** From the end of a drain to the exit, at most. */
const EXIT_MS = 5_000

export type ServiceManager = {
  /** @param status  One line, for `systemctl status`. */
  tell(phase: Phase, status: string): void
  /** @param withinMs  The longest time until the process exits. */
  stopping(withinMs: number): void
  /**
   * This process goes; from here on the unit is another's, if that one is part of it.
   *
   * @param withinMs  As of `stopping`.
   */
  succeeded(pid: number, withinMs: number): void
  close(): void
}

const NOBODY: ServiceManager = { tell() {}, stopping() {}, succeeded() {}, close() {} }

/** The service manager that has started this process, if it wants to be told. */
export async function serviceManager(
  variables: Variables,
  log: Logger,
  takesOver = false,
): Promise<ServiceManager> {
  const { NOTIFY_SOCKET: name = '' } = variables
  if (name === '') return NOBODY
  const { NotifySocket } = await import('../kernel/notify-socket.ts')
  const opened = NotifySocket.open(name)
  if (typeof opened !== 'string')
    return new Notified(opened, Number(variables.WATCHDOG_USEC ?? 0) / 1000, log, takesOver)
  log.warn({ socket: name }, `the service manager cannot be told how weir is (NOTIFY_SOCKET): ${opened}`)
  return NOBODY
}

class Notified implements ServiceManager {
  readonly #socket: NotifySocket
  readonly #log: Logger
  /** Tells systemd with the first message that this is the unit's process from now on. */
  readonly #takesOver: boolean
  readonly #watchdog: NodeJS.Timeout | undefined
  /** Messages for which the queue has no room yet. */
  readonly #waiting: (readonly string[])[] = []
  #again: NodeJS.Timeout | undefined
  #stage: 'starting' | 'serving' | 'stopping' = 'starting'

  /** @param watchdogMs  The unit's WatchdogSec=; 0: none. */
  constructor(socket: NotifySocket, watchdogMs: number, log: Logger, takesOver: boolean) {
    this.#takesOver = takesOver
    this.#socket = socket
    this.#log = log
    if (watchdogMs > 0) this.#watchdog = setInterval(() => this.#send('WATCHDOG=1'), watchdogMs / 2).unref()
  }

  tell(phase: Phase, status: string): void {
    const isFirst = phase === 'serving' && this.#stage === 'starting'
    if (isFirst) this.#stage = 'serving'
    if (this.#stage !== 'serving') return // what is read during the start is no reload
    const state = phase === 'reloading' ? ['RELOADING=1', `MONOTONIC_USEC=${monotonicUs()}`] : ['READY=1']
    this.#send(
      ...(isFirst && this.#takesOver ? [`MAINPID=${process.pid}`] : []),
      ...state,
      `STATUS=${status}`,
    )
  }

  stopping(withinMs: number): void {
    this.#stage = 'stopping'
    this.#send('STOPPING=1', 'STATUS=draining', `EXTEND_TIMEOUT_USEC=${(withinMs + EXIT_MS) * 1000}`)
  }

  succeeded(pid: number, withinMs: number): void {
    if (!isOfThisUnit(pid)) {
      this.stopping(withinMs)
      return
    }
    this.#stage = 'stopping'
    clearInterval(this.#watchdog)
  }

  close(): void {
    clearInterval(this.#watchdog)
    clearTimeout(this.#again)
    this.#socket.close()
  }

  #send(...lines: string[]): void {
    this.#waiting.push(lines)
    if (this.#again === undefined) this.#flush()
  }

  readonly #flush = (): void => {
    this.#again = undefined
    while (this.#waiting.length > 0) {
      const sent = this.#socket.send(this.#waiting[0])
      if (sent === -Errno.EAGAIN) {
        this.#again = setTimeout(this.#flush, AGAIN_MS).unref()
        return
      }
      if (sent < 0) this.#log.warn({ errno: errnoName(sent) }, 'the service manager could not be told')
      this.#waiting.shift()
    }
  }
}

/** CLOCK_MONOTONIC in microseconds: clock_gettime(2). */
const monotonicUs = (): number => Math.floor((clockOriginMs + monotonicMs()) * 1000)

/** systemd knows the processes of a unit by their control group: cgroups(7). */
function isOfThisUnit(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8') === readFileSync('/proc/self/cgroup', 'utf8')
  } catch {
    return false // it has ended
  }
}
