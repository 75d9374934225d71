/**
 * `admin`: how long an answer of the admin listener blocks the main thread.
 *
 * A gateway in this process, each of whose rules was hit; another thread sends one request after
 * the other. The bench measures the longest turn of the event loop during one answer, since a probe
 * waits at most that long.
 */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openAdminOf } from '../src/admin/open.ts'
import { monotonicMs } from '../src/base/clock.ts'
import { DEFAULT_ADMIN } from '../src/config/settings/settings.ts'
import { Gateway } from '../src/control/gateway.ts'
import { createLog } from '../src/control/observe/log.ts'
import type { Order } from './admin/caller.ts'
import { adminText } from './admin/config.ts'
import type { Bench } from './harness.ts'
import { freePort } from './load/free-port.ts'
import { temporaryFolder } from './load/scene.ts'
import { thousands } from './units.ts'

const GOAL_MS = 20
const READY_MS_MAX = 60_000
const PATHS = [
  '/metrics',
  '/overview',
  '/routes?order=hits&limit=1000',
  '/connections?limit=1000',
  '/config?limit=1000',
  '/explain?gateway=edge&from=192.0.2.1&to=127.0.0.1:',
]
/** The first answers run cold code, and name rules for the first time. */
const WARM_UPS = 5

export async function benchAdmin(bench: Bench): Promise<void> {
  const rules = bench.parameter(20, 10_000)
  const group = `the longest turn of the main thread during one answer, of ${thousands(rules)} rules`
  bench.begin(group)
  await using started = new AsyncDisposableStack()
  const folder = started.use(temporaryFolder()).path
  const caller = started.adopt(new Caller(), each => each.close())
  const port = await freePort()
  writeFileSync(join(folder, 'rules.yaml'), adminText(port, await caller.ask({ kind: 'serve' }), rules))
  const log = createLog(() => {}, { format: 'json', colours: false })
  const gateway = await Gateway.load({ paths: [folder], overrides: bench.choices, log })
  if (!gateway) throw new Error('the bench’s own configuration is refused')
  started.defer(() => gateway.stop())
  await gateway.serve()
  const admin = await openAdminOf(gateway, { ...DEFAULT_ADMIN, port: 0 }, 'bench', { metricsMs: 0 })
  started.defer(() => admin.close())
  const turns = started.adopt(new Turns(), each => each.close())
  const endMs = monotonicMs() + READY_MS_MAX
  while (!gateway.readiness().ready) {
    if (monotonicMs() > endMs) throw new Error('the gateway is not ready')
    await new Promise(resolve => setImmediate(resolve))
  }
  const answered = await caller.ask({ kind: 'hit', port, count: rules })
  if (answered !== rules) bench.fail(`${rules - answered} of ${rules} connections were not answered`)
  for (const path of PATHS) {
    const order: Order = { kind: 'ask', port: admin.port, path: path.endsWith(':') ? path + port : path }
    const longest: number[] = []
    for (let asked = -WARM_UPS; asked < bench.parameter(2, 200); asked++) {
      turns.begin()
      await caller.ask(order)
      if (asked >= 0) longest.push(turns.longestMs)
    }
    const at = (share: number): number =>
      longest.toSorted((a, b) => a - b)[Math.floor((longest.length - 1) * share)]
    const name = path.split('?')[0]
    bench.record(group, `${name}, p50`, 'ms', at(0.5))
    bench.record(group, `${name}, p99`, 'ms', at(0.99), GOAL_MS)
  }
}

/** Turns of this thread's event loop. */
class Turns {
  #lastMs = 0
  #longestMs = 0
  #isClosed = false

  constructor() {
    this.#turn()
  }

  begin(): void {
    this.#lastMs = monotonicMs()
    this.#longestMs = 0
  }

  /** Since `begin`. */
  get longestMs(): number {
    this.#note()
    return this.#longestMs
  }

  close(): void {
    this.#isClosed = true
  }

  #note(): void {
    const nowMs = monotonicMs()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }

  readonly #turn = (): void => {
    this.#note()
    if (!this.#isClosed) setImmediate(this.#turn)
  }
}

/** The other end's thread. */
class Caller {
  readonly #worker = new Worker(new URL('admin/caller.ts', import.meta.url))

  async ask(order: Order): Promise<number> {
    const answer = once(this.#worker, 'message')
    this.#worker.postMessage(order)
    return (await answer)[0]
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
