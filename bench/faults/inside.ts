/**
 * The campaign itself, in namespaces of its own: whatever it starts ends with it, and no packet
 * leaves it. It prints an outcome a line.
 *
 *   node inside.ts FOLDER ROUNDS SCALE     (../faults.ts runs it)
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CASES, type Case, outcomeOf } from './cases.ts'
import { askOnce, CLIENTS, Load } from './load.ts'
import { PROXIES, startProxy } from './proxies.ts'
import { filter, prepare, Server } from './servers.ts'
import { KINDS, type Kind, TALKS } from './talks.ts'

const BEFORE_MS = 1_000
/** And up to an interval of checks more, so that the repair meets them at any moment. */
const BROKEN_MS = 4_000
const INTERVAL_MS = 1_000
const BACK_MS_MAX = 10_000
const LISTENS_MS_MAX = 60_000
const FIRST_PORT = 21_000

const [folder, rounds, scale] = process.argv.slice(2)
const cases =
  scale === 'small' ? CASES.filter(({ kind, set }) => kind === 'redis' && set.servers === 2) : CASES
let nextPort = FIRST_PORT

async function listens(port: number): Promise<void> {
  const untilMs = performance.now() + LISTENS_MS_MAX
  while (performance.now() < untilMs) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    const isThere = await promise
    socket.destroy()
    if (isThere) return
    await pause(50)
  }
  throw new Error(`nothing listens at ${port}`)
}

/** PostgreSQL listens before it serves. */
async function serves(kind: Kind, port: number): Promise<void> {
  const untilMs = performance.now() + LISTENS_MS_MAX
  for (let servedBy = 0; servedBy !== port; ) {
    if (performance.now() > untilMs) throw new Error(`nothing serves at ${port}`)
    const answered = await askOnce(TALKS[kind], port, null)
    answered.socket?.destroy()
    servedBy = answered.servedBy
    if (servedBy !== port) await pause(50)
  }
}

/** Both proxies stand before the same servers, so each fault meets both at one moment. */
async function run(round: number, one: Case, brokenFor: number, where: string): Promise<void> {
  const { kind, set, fault, shape } = one
  mkdirSync(where)
  const servers = Array.from({ length: set.servers }, () => new Server(kind, nextPort++, where, shared(kind)))
  const ports = servers.map(each => each.port)
  for (const each of servers) each.start()
  for (const each of ports) await serves(kind, each)
  const fronts = PROXIES.map(proxy => {
    const port = nextPort++
    return { proxy, port, process: startProxy(proxy, kind, port, ports, where) }
  })
  try {
    for (const { port } of fronts) await listens(port)
    const loads = fronts.map(({ port }) => new Load(TALKS[kind], port, shape))
    const hasBegun = (load: Load): boolean =>
      load.asked.filter(each => each.servedBy !== 0).length >= CLIENTS / 2
    while (!loads.every(hasBegun)) await pause(10)
    await pause(BEFORE_MS)
    const broken = servers.slice(0, set.broken)
    const brokenPorts = new Set(broken.map(each => each.port))
    for (const each of broken) each.break(fault)
    const brokenMs = performance.now()
    await pause(brokenFor)
    const mendedMs = performance.now()
    for (const each of broken) each.mend(fault)
    const isBack = (load: Load): boolean =>
      load.asked.some(each => each.beganMs >= mendedMs && brokenPorts.has(each.servedBy))
    const untilMs = mendedMs + BACK_MS_MAX
    while (shape === 'short' && !loads.every(isBack) && performance.now() < untilMs) await pause(20)
    await Promise.all(loads.map(load => load.end()))
    for (const [index, { proxy }] of fronts.entries()) {
      const outcome = outcomeOf({ ...one, round, proxy }, loads[index].asked, brokenMs, mendedMs, brokenPorts)
      console.log(JSON.stringify(outcome))
    }
  } finally {
    for (const each of fronts) each.process.kill('SIGKILL')
    for (const each of servers) each.end()
    rmSync(where, { recursive: true, force: true, maxRetries: 10 })
  }
}

const shared = (kind: Kind): string => join(folder, `shared-${kind}`)

execFileSync('ip', ['link', 'set', 'lo', 'up'])
filter(['add', 'table', 'inet', 'faults'])
filter(['add', 'chain', 'inet', 'faults', 'in', '{ type filter hook input priority 0; }'])
for (const kind of KINDS) prepare(kind, shared(kind))
for (let round = 0; round < Number(rounds); round++) {
  for (const [index, one] of cases.entries()) {
    const brokenFor = BROKEN_MS + INTERVAL_MS * Math.random()
    await run(round, one, brokenFor, join(folder, `${round}-${index}`))
  }
}
process.exit(0)
