/** A gateway that follows an API, what it routes, and traffic through it that must not notice. */

import { ok } from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { Gateway } from '../../src/control/gateway.ts'
import { KubernetesLog } from '../../src/control/observe/kubernetes-log.ts'
import { findIdentity } from '../../src/source/kubernetes/kubeconfig.ts'
import { DEFAULT_PACE, type Pace } from '../../src/source/kubernetes/pace.ts'
import { KubernetesSource } from '../../src/source/kubernetes/source.ts'
import { ask, folder, watchedLog } from '../control/scene.ts'
import { hello, host, record, serverName } from '../support/hello.ts'
import { THREADS } from '../support/threads.ts'
import type { KubeObject } from './fake/object.ts'

const NAMESPACE = 'shop'

const istio = (kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name, namespace: NAMESPACE },
  spec,
})

export const edge = (port: number): KubeObject =>
  istio('Gateway', 'edge', {
    servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: ['*'], bind: '127.0.0.1' }],
  })

/** Everything goes to this Service. */
export const routeTo = (host: string): KubeObject =>
  istio('VirtualService', 'all', {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [{ route: [{ destination: { host, port: { number: 80 } } }] }],
  })

export const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: { ports: [{ port: 80, name: 'tcp' }] },
})

/** `version`: v1, or what an older server has. */
export const slice = (name: string, port: number, version = 'v1'): KubeObject => ({
  apiVersion: `discovery.k8s.io/${version}`,
  kind: 'EndpointSlice',
  metadata: {
    name: `${name}-a`,
    namespace: NAMESPACE,
    labels: { 'kubernetes.io/service-name': name },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  ports: [{ name: 'tcp', port, protocol: 'TCP' }],
})

/** The real waits, but for those after failures. */
const PACE = { ...DEFAULT_PACE, leastMs: 20, mostMs: 200, absentMs: 100, shortMs: 5 }

type Options = {
  readonly pace?: Partial<Pace>
  readonly engine?: 'node' | 'epoll' | 'uring'
  /** Whether it writes status and Events. */
  readonly status?: boolean
}

/** Resolves once every listener accepts. */
export async function gatewayOf(
  t: TestContext,
  kubeconfig: string,
  { pace, engine = 'node', status = false }: Options = {},
) {
  const root = folder(t, {
    config: kubeconfig,
    'settings.yaml':
      'apiVersion: gateway.weir/v1\nkind: Settings\nspec: { workers: 1, mesh: { capture: none } }\n',
  })
  const watched = watchedLog()
  const kubernetes = new KubernetesSource({
    identity: findIdentity({ variables: {}, kubeconfig: `${root}/config` }),
    settings: {
      namespaces: [],
      gatewaySelector: {},
      identity: 'none',
      hasLocality: false,
      namespace: null,
      addresses: { given: [], own: [] },
      status,
    },
    onState: new KubernetesLog(watched.log).add,
    pace: { ...PACE, ...pace },
  })
  const gateway = await Gateway.load({
    paths: [`${root}/settings.yaml`],
    overrides: { engine },
    log: watched.log,
    threads: THREADS,
    kubernetes,
  })
  ok(gateway, JSON.stringify(watched.records))
  t.after(() => gateway.stop())
  await gateway.serve()
  await watched.logged('every listener accepts')
  return { gateway, kubernetes, ...watched }
}

/** Asks until the answer is from `reply`; a test that waits in vain is ended by its time. */
export async function follows(port: number, reply: string): Promise<void> {
  while ((await ask(port)) !== `${reply} test`) await after(5)
}

/** The first word of the answer to a ClientHello; '' if there is none. */
export function askByName(port: number, name: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = createConnection(port, '127.0.0.1', () =>
    socket.write(record(hello([serverName(host(name))]))),
  )
  socket.on('data', data => {
    resolve(String(data).split(' ')[0])
    socket.destroy()
  })
  socket.on('error', () => resolve(''))
  socket.on('close', () => resolve(''))
  return promise
}

const LONG = 20
const SHORT = 4
const BEAT_MS = 20

/** Connections that stay and talk, and connections one after another. */
export class Load {
  readonly #port: number
  readonly #long: Socket[] = []
  readonly #loops: Promise<void>[] = []
  #isOver = false
  made = 0
  beats = 0
  lost: string[] = []

  static async start(port: number): Promise<Load> {
    const load = new Load(port)
    for (let index = 0; index < LONG; index++) await load.#open()
    for (let index = 0; index < SHORT; index++) load.#loops.push(load.#again())
    return load
  }

  private constructor(port: number) {
    this.#port = port
  }

  /** Resolves when all that was asked is answered. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    for (const each of this.#long) each.destroy()
  }

  async #open(): Promise<void> {
    const socket = createConnection(this.#port, '127.0.0.1')
    await once(socket, 'connect')
    this.#long.push(socket)
    socket.on('close', () => {
      if (!this.#isOver) this.lost.push('a connection that stayed')
    })
    socket.on('error', () => {}) // which the end tells, too
    socket.on('data', () => {
      this.beats++
      setTimeout(() => socket.write('test'), BEAT_MS)
    })
    socket.write('test')
  }

  async #again(): Promise<void> {
    while (!this.#isOver) {
      this.made++
      if ((await ask(this.#port)) === '') this.lost.push('a new connection')
      await after(BEAT_MS / 4)
    }
  }
}
