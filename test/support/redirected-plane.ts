/**
 * Runs inside a network namespace that redirects port 8080 to 15001: prints which service each
 * address leads to.
 */

import { parseCidr } from '../../src/address/address.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { clusterOf, listenerOn, planOf, TestEngine } from './engine.ts'
import { begin, listen, readAll, say } from './sockets.ts'

const SERVICES = [
  ['127.9.9.1', 'first'],
  ['127.9.9.2', 'second'],
  ['::1', 'third'],
] as const

const upstreams = await Promise.all(SERVICES.map(([, word]) => listen(say(word))))
const scopes = SERVICES.map(([address], index) => {
  const cidr = parseCidr(address)
  if (!cidr) throw new Error(`"${address}" is no address`)
  return { host: address, port: 8080, addresses: [cidr], rules: [], defaultRoute: index }
})
const plane = new TestEngine(process.argv[2] as EngineKind)
await plane.adopt(
  planOf(
    [
      {
        ...listenerOn(15001),
        gateway: 'mesh',
        bind: '',
        destination: 'original',
        scopes,
        otherwise: 'close',
      },
    ],
    upstreams.map(upstream => clusterOf([upstream])),
  ),
)
for (const [address] of SERVICES) process.stdout.write(`${await readAll(begin(8080, address))}\n`)
await plane[Symbol.asyncDispose]()
for (const upstream of upstreams) await upstream[Symbol.asyncDispose]()
