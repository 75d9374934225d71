/**
 * Runs inside a network namespace, with a gateway: clients vanish, and the server of others, of
 * whom not even a reset comes through. Prints a line of JSON for each reason: what `weir why` says.
 */

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { scene } from '../admin/scene.ts'
import { clientOf } from '../cli/endings-kit.ts'
import { EACH, endedOf, lineOf, VANISHED } from '../cli/why-kit.ts'
import { freePort, open, readBytes } from './sockets.ts'

/** The address of the server that vanishes. */
const SERVER = '127.3.0.1'

const ends: (() => unknown)[] = []
const t = { after: (end: () => unknown) => void ends.push(end) }

async function greets(address: string) {
  const heard: Socket[] = []
  const server = createServer(socket => {
    heard.push(socket)
    socket.on('error', () => {}).write('hi')
  })
  await once(server.listen(0, address), 'listening')
  return { heard, port: (server.address() as AddressInfo).port, address }
}

const servers = [await greets('127.0.0.1'), await greets(SERVER)]
const ports = [await freePort(), await freePort()]
const text = [
  ...VANISHED.map(
    ({ reason }, index) => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${reason}}
spec: {servers: [{port: {number: ${ports[index]}, name: p, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${reason}}
spec:
  hosts: ['*']
  gateways: [${reason}]
  tcp:
    - {route: [{destination: {host: ${reason}.example}}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${reason}}
spec:
  hosts: [${reason}.example]
  ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${servers[index].port}}]
  resolution: STATIC
  endpoints: [{address: ${servers[index].address}}]`,
  ),
  `apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec:
  workers: 1
  mesh: {capture: none}
  admin: null
  userTimeout: 1s
  keepalive: {time: 1s, interval: 1s, probes: 2}`,
].join('\n---\n')
const { where, root } = await scene(t, () => text)

const clients = await Promise.all(
  VANISHED.map((_, index) =>
    Promise.all(
      Array.from({ length: EACH }, async () => {
        const client = await open(ports[index], '127.0.0.1', { localAddress: clientOf(index) })
        client.on('error', () => {})
        await readBytes(client, 2)
        return client
      }),
    ),
  ),
)
const lost = [clientOf(0), SERVER].flatMap(address => ['saddr', 'daddr'].map(end => [end, address]))
for (const [end, address] of lost) {
  const words = ['add', 'rule', 'inet', 'weir', 'lost', 'ip', end, address, 'drop']
  const { status, stderr } = spawnSync('nft', words)
  if (status !== 0) throw new Error(String(stderr))
}
// Every other one is owed bytes that nobody acknowledges.
for (const [index, server] of servers.entries()) {
  const owing = index === 0 ? server.heard : clients[index]
  for (const [number, socket] of owing.entries()) if (number % 2 === 0) socket.write('are you there?')
}
for (const [index, kind] of VANISHED.entries()) {
  const from = clientOf(index)
  const answers = await endedOf(where.port, from, kind)
  const facts = { from, port: ports[index], line: lineOf(text, kind), root }
  process.stdout.write(`${JSON.stringify({ reason: kind.reason, facts, answers })}\n`)
}
for (const end of ends.reverse()) await end()
process.exit() // what was dropped keeps sockets of the peers open
