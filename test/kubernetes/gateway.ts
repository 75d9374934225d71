/** A gateway that follows an API: the tests' own one (fake), or a real one. */

import { ok } from 'node:assert/strict'
import { createConnection } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { Gateway } from '../../src/control/gateway.ts'
import { KubernetesLog } from '../../src/control/observe/kubernetes-log.ts'
import { ClusterCache } from '../../src/source/kubernetes/cache.ts'
import { findIdentity } from '../../src/source/kubernetes/kubeconfig.ts'
import { DEFAULT_PACE, type Pace } from '../../src/source/kubernetes/pace.ts'
import { KubernetesSource } from '../../src/source/kubernetes/source.ts'
import { ask, folder, watchedLog } from '../control/scene.ts'
import { hello, host, record, serverName } from '../support/hello.ts'
import { freePort } from '../support/sockets.ts'
import { answerFrom, unanswered, whenStuck } from '../support/stuck.ts'
import { THREADS } from '../support/threads.ts'
import { ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi, type FakeOptions } from './fake/server.ts'

/** The real waits, but for those after failures and before a cache is served. */
const PACE = { ...DEFAULT_PACE, leastMs: 20, mostMs: 200, absentMs: 50, shortMs: 5, spreadMs: 5, cacheMs: 20 }
/** Troubles are told of soon. */
const GATHER_MS = 10

type Options = {
  readonly pace?: Partial<Pace>
  readonly engine?: 'node' | 'epoll' | 'uring'
  /** Whether it writes status and Events. */
  readonly status?: boolean
  /** Troubles that begin within this time are told of together. */
  readonly gatherMs?: number
  /** Where its files and its cache are; by default a folder of its own. */
  readonly root?: string
}

/** A gateway that has not read anything, and what it logs. */
export function gatewayFor(
  t: TestContext,
  kubeconfig: string,
  { pace, engine = 'node', status = false, gatherMs = GATHER_MS, root: given }: Options = {},
) {
  const files = {
    config: kubeconfig,
    'settings.yaml':
      'apiVersion: gateway.weir/v1\nkind: Settings\nspec: { workers: 1, mesh: { capture: none } }\n',
  }
  const root = given ?? folder(t, files)
  const watched = watchedLog()
  const identity = findIdentity({ variables: {}, kubeconfig: `${root}/config` })
  const kubernetes = new KubernetesSource({
    identity,
    settings: {
      namespaces: [],
      gatewaySelector: {},
      gatewayClass: null,
      identity: 'none',
      hasLocality: false,
      namespace: null,
      addresses: { given: [], own: [] },
      status,
    },
    onState: new KubernetesLog(watched.log, gatherMs).add,
    onPolled: text => watched.log.warn(text),
    cache: new ClusterCache(`${root}/cache`, identity.server.href),
    onCached: () => watched.log.error('served from the cache'),
    pace: { ...PACE, ...pace },
  })
  const gateway = Gateway.of({
    paths: [`${root}/settings.yaml`],
    overrides: { engine },
    log: watched.log,
    threads: THREADS,
    kubernetes,
  })
  whenStuck(t, () => {
    const logged = watched.records.slice(-20).map(each => each.msg)
    return `${unanswered()}; logged last:\n${logged.join('\n')}`
  })
  t.after(() => gateway.stop())
  return { gateway, kubernetes, root, ...watched }
}

/** Resolves once every listener accepts. */
export async function gatewayOf(t: TestContext, kubeconfig: string, options: Options = {}) {
  const made = gatewayFor(t, kubeconfig, options)
  const { gateway, records, logged } = made
  ok(await gateway.read(), JSON.stringify(records))
  await gateway.serve()
  await logged('every listener accepts')
  return made
}

type SceneOptions = Options & { readonly api?: FakeOptions }

/** A gateway that follows an API with these objects, which are given a free port. */
export async function sceneOf(
  t: TestContext,
  objects: (port: number) => readonly KubeObject[],
  { api: options, ...others }: SceneOptions = {},
) {
  const api = await FakeApi.start({ crds: ISTIO_CRDS, ...options })
  t.after(() => api.stop())
  const port = await freePort()
  for (const each of objects(port)) api.put(each)
  return { api, port, ...(await gatewayOf(t, api.kubeconfig(), others)) }
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
  return answerFrom(port, socket, promise)
}
