/** A contender at work: its process, what it has used so far, and its end. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../src/base/clock.ts'
import type { Bench } from '../harness.ts'
import { freePort } from '../load/free-port.ts'
import type { Generator } from '../load/generator.ts'
import { askOnce } from '../load/idle.ts'
import { withLoad } from '../load/scene.ts'
import type { CpuTime } from '../load/worker.ts'
import type { Contender } from './contenders.ts'

/** Long, since 100 000 rules take a while. */
const READY_MS_MAX = 60_000
const END_MS_MAX = 5_000
const OUTPUT_MAX = 2_000
/** Memory counts as settled while it moves by no more than this, for so many looks in a row. */
const SAME_BYTES = 2 ** 18
const SAME_LOOKS = 3
const LOOKS_MAX = 10
/**
 * USER_HZ, in which /proc counts: 100 on every architecture of Linux but alpha. proc_pid_stat(5)
 */
const TICK_MS = 10

/** Where load goes, and the process to account for. */
export type Target = Pick<Running, 'name' | 'port' | 'cpu'> & {
  /** What each connection sends before its first request. */
  readonly opening?: Uint8Array
}

/** The CPU time of a process, in ticks, and of each of its threads, in nanoseconds. */
export type ProcessCpu = CpuTime & { readonly threadsNs: ReadonlyMap<string, number> }

/** Nanoseconds between two readings; a thread that ended meanwhile keeps its first reading. */
export function busyNs(before: ProcessCpu, after: ProcessCpu): number {
  if (after.threadsNs.size === 0) {
    return (after.userMs + after.systemMs - before.userMs - before.systemMs) * 1e6
  }
  let sum = 0
  for (const [thread, ns] of after.threadsNs) sum += ns - (before.threadsNs.get(thread) ?? 0)
  return sum
}

/** Whatever ends this process, those that it has started end with it. */
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const each of children) each.kill('SIGKILL')
})

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

  /**
   * Starts `contender` before the server at port `server`, and waits until it relays a correct
   * reply, or until `ready`.
   */
  static async start(
    contender: Contender,
    server: number,
    folder: string,
    ready: (port: number) => Promise<void> = relays,
  ): Promise<Running> {
    const { command } = contender
    if (!command) return new Running(contender, server, null)
    const listen = contender.listen ?? (await freePort())
    const [program, ...args] = command({ listen, server, folder })
    const env = { ...process.env, ...contender.env }
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk).slice(-OUTPUT_MAX)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', error => keep(Buffer.from(error.message)))
    children.add(child)
    child.on('exit', () => children.delete(child))
    const running = new Running(contender, listen, child)
    try {
      await untilReady(running, ready)
      return running
    } catch (error) {
      await running.stop()
      throw new Error(`${contender.name} does not relay: ${(error as Error).message}\n${output}`)
    }
  }

  /** Whether there is a process to account for. */
  get isProxy(): boolean {
    return this.#child !== null
  }

  /** Of its process; 0 without one. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#child !== null && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  /** All threads, since the start. */
  cpu(): ProcessCpu {
    if (!this.#child) return { userMs: 0, systemMs: 0, threadsNs: new Map() }
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [userMs, systemMs] = [Number(fields[11]) * TICK_MS, Number(fields[12]) * TICK_MS]
    return { userMs, systemMs, threadsNs: threadsNs(`/proc/${this.#child.pid}/task`) }
  }

  /** Another of its listeners, or itself by another name. */
  at(name: string, port: number): Target {
    return { name, port, cpu: () => this.cpu() }
  }

  /** Memory of the process itself, without the kernel's part for its sockets. */
  residentBytes(): number {
    const status = this.#child ? readFileSync(`/proc/${this.#child.pid}/status`, 'utf8') : ''
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }

  /** The same, once a few looks in a row have found it as it was, or after a while. */
  async settledBytes(lookMs: number): Promise<number> {
    let bytes = this.residentBytes()
    for (let [looks, same] = [0, 0]; looks < LOOKS_MAX && same < SAME_LOOKS; looks++) {
      await pause(lookMs)
      const now = this.residentBytes()
      same = Math.abs(now - bytes) <= SAME_BYTES ? same + 1 : 0
      bytes = now
    }
    return bytes
  }

  /** How many are open. */
  descriptors(): number {
    return this.#child ? readdirSync(`/proc/${this.#child.pid}/fd`).length : 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
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

/** Runs `body` with a load and each of `contenders` at work; all have ended with it. */
export const withContenders = (
  bench: Bench,
  contenders: readonly Contender[],
  body: (generator: Generator, running: readonly Running[]) => Promise<void>,
): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    await using proxies = new AsyncDisposableStack()
    const running: Running[] = []
    for (const each of contenders) {
      running.push(proxies.use(await Running.start(each, generator.port, folder)))
    }
    await body(generator, running)
  })

/** Processor time by thread; nothing if the kernel lacks CONFIG_SCHED_INFO. */
function threadsNs(folder: string): ReadonlyMap<string, number> {
  return new Map(
    readdirSync(folder).flatMap(thread => {
      try {
        return [[thread, Number(readFileSync(join(folder, thread, 'schedstat'), 'utf8').split(' ')[0])]]
      } catch {
        return [] // it has ended
      }
    }),
  )
}

/** The load's own server, without a proxy. */
async function relays(port: number): Promise<void> {
  const socket = await askOnce(port, 0)
  socket.resetAndDestroy()
}

async function untilReady(running: Running, ready: (port: number) => Promise<void>): Promise<void> {
  const endMs = monotonicMs() + READY_MS_MAX
  for (;;) {
    try {
      await ready(running.port)
      return
    } catch (error) {
      if (running.hasEnded || monotonicMs() > endMs) throw error
      await pause(50)
    }
  }
}
