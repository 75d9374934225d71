/**
 * Runs inside a network namespace, with an engine: peers vanish, of whom not even a reset comes
 * through. Prints a line for each that the engine has noticed, with the reason.
 */

import { spawnSync } from 'node:child_process'
import type { AddressInfo, Socket } from 'node:net'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import type { TcpTimes } from '../../src/table/plan/policy.ts'
import { clusterOf, listenerOn, planOf, TestEngine } from './engine.ts'
import { listen, open, readBytes } from './sockets.ts'

const PROBED: TcpTimes = {
  keepalive: { timeS: 1, intervalS: 1, probes: 2 },
  userTimeoutMs: 0,
  writeTimeoutMs: 0,
}
const HURRIED: TcpTimes = { keepalive: null, userTimeoutMs: 1000, writeTimeoutMs: 0 }
const NOTHING: TcpTimes = { keepalive: null, userTimeoutMs: 0, writeTimeoutMs: 0 }

/** Who vanishes, who detects it, and whether bytes are on their way to them. */
const CASES = [
  ['client', PROBED, 'silent'],
  ['client', HURRIED, 'owed bytes'],
  ['upstream', PROBED, 'silent'],
  ['upstream', HURRIED, 'owed bytes'],
] as const

const PORT = 7000
const drop = (...rule: (string | number)[]): void => {
  const { status, stderr } = spawnSync('nft', ['add', 'rule', 'inet', 'weir', 'lost', ...rule.map(String)])
  if (status !== 0) throw new Error(String(stderr))
}

const heard: Socket[] = []
const upstreams = await Promise.all(
  CASES.map(() =>
    listen(socket => {
      socket.on('error', () => {})
      socket.write('hi')
      heard.push(socket)
    }),
  ),
)
const plane = new TestEngine(process.argv[2] as EngineKind)
const listeners = CASES.map(([who, tcp], index) =>
  listenerOn(PORT + index, index, { tcp: who === 'client' ? tcp : NOTHING }),
)
const clusters = CASES.map(([who, tcp], index) =>
  clusterOf([upstreams[index]], who === 'upstream' ? tcp : NOTHING),
)
await plane.adopt(planOf(listeners, clusters))

for (const [index, [who, , how]] of CASES.entries()) {
  const client = await open(PORT + index)
  client.on('error', () => {})
  if ((await readBytes(client, 2)) !== 'hi') throw new Error('no answer')
  const upstream = heard[index]
  const port = who === 'client' ? client.localPort : (upstream.address() as AddressInfo).port
  drop('tcp', 'dport', port ?? 0, 'drop')
  drop('tcp', 'sport', port ?? 0, 'drop')
  // An end that is lost, or bytes that nobody acknowledges.
  if (who === 'client') client.destroy()
  else upstream.destroy()
  if (how === 'owed bytes') (who === 'client' ? upstream : client).write('are you there?')
}
for (const [index, [who, , how]] of CASES.entries()) {
  const reason: ReasonName = who === 'client' ? 'client-lost' : 'upstream-lost'
  await plane.closed(reason, CASES.slice(0, index + 1).filter(each => each[0] === who).length)
  process.stdout.write(`${who}, ${how}: ${reason}\n`)
}
await plane.settled()
await plane[Symbol.asyncDispose]()
process.exit() // what was dropped keeps sockets of the peers open
