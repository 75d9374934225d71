/** A gateway that serves, with its admin listener. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, type TestContext } from 'node:test'
import { openAdminOf } from '../../src/admin/open.ts'
import { type AdminSettings, DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { Gateway } from '../../src/control/gateway.ts'
import type { GatewayOptions } from '../../src/control/gateway-options.ts'
import { echo, folder, moveIn, routing, watchedLog } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { type Answer, call } from './kit.ts'

export type Scene = Awaited<ReturnType<typeof scene>>

/**
 * @param text  The configuration for a listener on `port` and a server at `backend`; one file,
 * `a.yaml`.
 */
export async function scene(
  t: Pick<TestContext, 'after'>,
  text: (port: number, backend: number) => string = routing,
  engine: 'auto' | 'uring' | 'epoll' | 'node' = 'auto',
  options: Pick<GatewayOptions, 'differ' | 'names' | 'threads'> &
    Partial<Pick<AdminSettings, 'fleet' | 'auth'>> & {
      readonly metricsMs?: number
      readonly fleetMs?: number
    } = {},
) {
  const port = await freePort()
  const backend = await echo(t, 'hello')
  const root = folder(t, { 'a.yaml': text(port, backend) })
  const watched = watchedLog()
  const gateway = await Gateway.load({
    paths: [root],
    overrides: { engine },
    log: watched.log,
    threads: THREADS,
    ...options,
  })
  if (!gateway) throw new Error(JSON.stringify(watched.records))
  t.after(() => gateway.stop())
  const { fleet = [], auth = null, metricsMs = 0, fleetMs = 3_000 } = options
  const place = { ...DEFAULT_ADMIN, port: 0, fleet, auth }
  const admin = await openAdminOf(gateway, place, '1.2.3', { metricsMs, fleetMs })
  t.after(() => admin.close())
  await gateway.serve()
  await Promise.race([watched.logged('every listener accepts'), failing(gateway)])
  const where = { host: '127.0.0.1', port: admin.port }
  const host = { host: `127.0.0.1:${admin.port}` }
  const get = (path: string): Promise<Answer> => call(where, `GET ${path}`, host)
  const send = (line: string, body: unknown): Promise<Answer> =>
    call(where, line, { ...host, 'content-type': 'application/json' }, JSON.stringify(body))
  return {
    port,
    backend,
    root,
    gateway,
    where,
    ...watched,
    get,
    send,
    /** What became of the changed files, also if the watch was first. */
    reload: async (): Promise<Answer['body']> => {
      const { body } = await send('POST /reload', {})
      return body.outcome === 'unchanged' ? (await get('/reloads?limit=1')).body.reloads[0] : body
    },
    save: (changed: string, name = 'a.yaml') => moveIn(root, name, changed),
  }
}

/** A listener whose connections all go to backend.example; its endpoints are what follows. */
export const routedTo = (port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {servers: [{port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec: {hosts: ['*'], gateways: [edge], tcp: [{route: [{destination: {host: backend.example}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: backend, namespace: default}
spec:
  hosts: [backend.example]
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints:
`

/** Nobody waits for a gateway whose workers cannot start. */
async function failing(gateway: Gateway): Promise<never> {
  throw await gateway.failed
}

/** Behind a load balancer at `from`; all others are clients of their own. */
export const balanced =
  (from: string) =>
  (port: number, backend: number): string =>
    routing(port, backend).replace(
      'admin: null',
      `admin: null, proxyProtocol: [{from: [${from}], require: false}]`,
    )

/** A header of version 1 that names 192.0.2.7:5001, to 203.0.113.5:443. */
export const PROXY_HEADER = 'PROXY TCP4 192.0.2.7 203.0.113.5 5001 443\r\n'

let shared: Promise<Scene> | null = null
const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends) await end()
})

/**
 * One gateway for all tests of the process that only read: no saving, no drain, no count that has
 * to be exact.
 */
export function reading(): Promise<Scene> {
  shared ??= scene({ after: end => void ends.push(end as () => unknown) })
  return shared
}

/** A client that has had its first answer; `header` goes before its bytes. */
export async function talking(
  t: TestContext,
  port: number,
  localAddress = '127.0.0.1',
  header = '',
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(`${header}test\n`)
  await once(socket, 'data')
  return socket
}
