/**
 * Runs inside a network namespace that drops all to 127.9.9.0/24: prints how many connections
 * failed.
 */

import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { Policy } from '../../src/table/plan/policy.ts'
import { clusterOf, listenerOn, planOf, TestEngine } from './engine.ts'
import { begin, freePort, greet, listen, readAll, readBytes, say } from './sockets.ts'

const [engine, balance, count, pool] = process.argv.slice(2)
const AT_ONCE = 20

/** Its answer, or '' if it is reset. */
function ask(port: number): Promise<string> {
  const socket = begin(port)
  socket.end()
  return readAll(socket).catch(() => '')
}

/** So many at once, which stay open until all have an answer; how many have none. */
async function poolFailures(port: number): Promise<number> {
  const sockets = Array.from({ length: Number(pool) }, () => begin(port))
  const answers = await Promise.all(sockets.map(socket => readBytes(socket, 2).catch(() => '')))
  for (const socket of sockets) socket.destroy()
  return answers.filter(each => each !== 'hi').length
}

async function failuresWith(dead: number, all: number): Promise<number> {
  const servers = [
    await listen(say('hi'), { host: '0.0.0.0' }),
    await listen(greet('hi'), { host: '0.0.0.0' }),
  ]
  const targets = (port: number) =>
    Array.from({ length: all }, (_, index) => ({
      address: index < dead ? `127.9.9.${index + 1}` : `127.0.0.${index + 1}`,
      port,
    }))
  const ports = [await freePort(), await freePort()]
  const plane = new TestEngine(engine as EngineKind)
  const policy = { balance: balance as Policy['balance'], connectTimeoutMs: 1_000 }
  await plane.adopt(
    planOf(
      ports.map((port, route) => listenerOn(port, route)),
      servers.map(({ port }, index) => clusterOf(targets(port), policy, `${index}`)),
    ),
  )
  let failures = await poolFailures(ports[1])
  for (let done = 0; done < Number(count); done += AT_ONCE) {
    const answers = Array.from({ length: AT_ONCE }, () => ask(ports[0]))
    failures += (await Promise.all(answers)).filter(each => each !== 'hi').length
  }
  await plane[Symbol.asyncDispose]()
  for (const server of servers) await server[Symbol.asyncDispose]()
  return failures
}

const failures = await Promise.all([failuresWith(1, 2), failuresWith(2, 5)])
process.stdout.write(`1 of 2: ${failures[0]} failed\n2 of 5: ${failures[1]} failed\n`)
