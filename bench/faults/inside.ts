/**
 * The campaign itself, in namespaces of its own: whatever it starts ends with it, and no packet
 * leaves it. It prints an outcome a line.
 *
 *   node inside.ts FOLDER ROUNDS SCALE     (../faults.ts runs it)
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CASES, type Case, outcomeOf } from './cases.ts'
import { CLIENTS, Load } from './load.ts'
import { PROXIES, type ProxyName, startProxy } from './proxies.ts'
import { filter, prepare, Server } from './servers.ts'
import { KINDS, type Kind, TALKS } from './talks.ts'

const BEFORE_MS = 1_000
/** And up to an interval of checks more, so that the repair meets them at any moment. */
const BROKEN_MS = 5_000
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

async function run(one: Case, proxy: ProxyName, brokenFor: number, where: string): Promise<void> {
  const { kind, set, fault, shape } = one
  mkdirSync(where)
  const servers = Array.from({ length: set.servers }, () => new Server(kind, nextPort++, where, shared(kind)))
  const ports = servers.map(each => each.port)
  const port = nextPort++
  for (const each of servers) each.start()
  for (const each of ports) await listens(each)
  const process = startProxy(proxy, kind, port, ports, where)
  try {
    await listens(port)
    const load = new Load(TALKS[kind], port, shape)
    while (load.asked.filter(each => each.servedBy !== 0).length < 2 * CLIENTS) await pause(10)
    await pause(BEFORE_MS)
    const broken = servers.slice(0, set.broken)
    const brokenPorts = new Set(broken.map(each => each.port))
    for (const each of broken) each.break(fault)
    const brokenMs = performance.now()
    await pause(brokenFor)
    const mendedMs = performance.now()
    for (const each of broken) each.mend(fault)
    const isBack = (): boolean =>
      load.asked.some(each => each.beganMs >= mendedMs && brokenPorts.has(each.servedBy))
    while (shape === 'short' && !isBack() && performance.now() < mendedMs + BACK_MS_MAX) await pause(20)
    await load.end()
    console.log(JSON.stringify(outcomeOf({ ...one, proxy }, load.asked, brokenMs, mendedMs, brokenPorts)))
  } finally {
    process.kill('SIGKILL')
    for (const each of servers) each.end()
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
    for (const proxy of PROXIES) await run(one, proxy, brokenFor, join(folder, `${round}-${index}-${proxy}`))
  }
}
process.exit(0)
