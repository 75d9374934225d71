/** A contender at work: its process, what it has used so far, and its end. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'
import { freePort } from '../load/free-port.ts'
import { askOnce } from '../load/idle.ts'
import type { CpuTime } from '../load/worker.ts'
import type { Contender } from './contenders.ts'

const READY_MS_MAX = 15_000
const END_MS_MAX = 5_000
const OUTPUT_MAX = 2_000
/** USER_HZ, in which /proc counts: 100 on every architecture of Linux but alpha. proc_pid_stat(5) */
const TICK_MS = 10

export class Running {
  readonly name: string
  readonly bulkOnly: boolean
  readonly port: number
  readonly #child: ChildProcess | null

  private constructor({ name, bulkOnly = false }: Contender, port: number, child: ChildProcess | null) {
    this.name = name
    this.bulkOnly = bulkOnly
    this.port = port
    this.#child = child
  }

  /** Starts `contender` before the server at port `server`, and waits until it relays a right reply. */
  static async start(contender: Contender, server: number, folder: string): Promise<Running> {
    const { command } = contender
    if (!command) return new Running(contender, server, null)
    const listen = await freePort()
    const [program, ...args] = command({ listen, server, folder })
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk).slice(-OUTPUT_MAX)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', error => keep(Buffer.from(error.message)))
    const running = new Running(contender, listen, child)
    try {
      await untilReady(running)
      return running
    } catch (error) {
      await running.stop()
      throw new Error(`${contender.name} does not relay: ${(error as Error).message}\n${output}`)
    }
  }

  /** Whether there is a process to be asked what it uses. */
  get isProxy(): boolean {
    return this.#child !== null
  }

  get hasEnded(): boolean {
    return this.#child !== null && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  /** All threads, since the start. */
  cpu(): CpuTime {
    if (!this.#child) return { userMs: 0, systemMs: 0 }
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { userMs: Number(fields[11]) * TICK_MS, systemMs: Number(fields[12]) * TICK_MS }
  }

  /** The same to the nanosecond, without telling user from system: proc_schedstat's first number of each thread. */
  cpuNs(): number {
    if (!this.#child) return 0
    const tasks = `/proc/${this.#child.pid}/task`
    return readdirSync(tasks).reduce(
      (sum, task) => sum + Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
      0,
    )
  }

  /** Memory of the process itself; what the kernel holds for its sockets is not in it. */
  residentBytes(): number {
    const status = this.#child ? readFileSync(`/proc/${this.#child.pid}/status`, 'utf8') : ''
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!child || this.hasEnded || child.pid === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
    await ended
    clearTimeout(force)
  }
}

async function untilReady(running: Running): Promise<void> {
  const endMs = monotonicMs() + READY_MS_MAX
  for (;;) {
    try {
      const socket = await askOnce(running.port, 0)
      socket.resetAndDestroy()
      return
    } catch (error) {
      if (running.hasEnded || monotonicMs() > endMs) throw error
      await pause(50)
    }
  }
}
