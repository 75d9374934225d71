/** Several weirs in one cluster, each with Gateways of its own: by class or by labels. */

import { deepEqual, equal } from 'node:assert/strict'
import { suite, test } from 'node:test'
import { gateway, api as resource, tcp, tcpRoute } from '../support/gateway-api.ts'
import type { KubeObject } from './fake/object.ts'
import type { Followed, FollowOptions } from './followed.ts'
import { Scene } from './scene.ts'

const classOf = (name: string): KubeObject => {
  const { metadata: _, ...rest } = resource('GatewayClass', name, {
    controllerName: 'gateway.weir/controller',
  })
  return { ...rest, metadata: { name } } as KubeObject
}

const gatewayOf = (name: string, gatewayClassName: string, labels = {}): KubeObject =>
  gateway(`shop/${name}`, [tcp(9000)], { gatewayClassName }, { labels }) as KubeObject

const istio = (name: string, labels: object): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace: 'shop', labels: { ...labels } },
  spec: { servers: [] },
})

const gatewaysOf = ({ source }: Followed): string[] =>
  [...source.all()]
    .map(([key]) => key)
    .filter(key => / Gateway(Class)? /.test(key))
    .map(key => key.replace(/^(\w+)[^ ]* /, ''))
    .sort()

const writing = (settings: FollowOptions['settings']): FollowOptions => ({
  settings: { status: true, addresses: { given: ['192.0.2.1'], own: [] }, ...settings },
  pace: { spreadMs: 1 },
})

suite('Gateways that a weir chooses', { concurrency: 3 }, () => {
  test('by class: what has another one is not there, until its class is this one', async t => {
    const objects = [classOf('inner'), classOf('outer'), gatewayOf('a', 'inner'), gatewayOf('b', 'outer')]
    const scene = await Scene.of(t, {}, [...objects, istio('c', {})])
    const followed = scene.follower({ settings: { gatewayClass: 'inner' } })
    await followed.begin()
    deepEqual(gatewaysOf(followed), ['Gateway shop/a', 'Gateway shop/c', 'GatewayClass /inner'])
    scene.api.put(gatewayOf('a', 'outer'))
    scene.api.put(gatewayOf('b', 'inner'))
    await followed.until(() => String(gatewaysOf(followed)).startsWith('Gateway shop/b,Gateway shop/c'))
    await followed.until(() => [...followed.table.keys()].filter(key => key.endsWith('/b')).length === 1)
    equal([...followed.table.keys()].filter(key => key.endsWith('/a')).length, 0)
  })

  test('by labels: Gateways of Istio and of Gateway API', async t => {
    const mine = { team: 'db' }
    const objects = [gatewayOf('a', 'inner', mine), gatewayOf('b', 'inner'), istio('c', mine), istio('d', {})]
    const scene = await Scene.of(t, {}, [classOf('inner'), ...objects])
    const followed = scene.follower({ settings: { gatewaySelector: mine } })
    await followed.begin()
    deepEqual(gatewaysOf(followed), ['Gateway shop/a', 'Gateway shop/c', 'GatewayClass /inner'])
  })

  test('a route of Gateways of two weirs: each writes its part of the status, and keeps the other’s', async t => {
    const route = tcpRoute('shop/r', [{ name: 'a' }, { name: 'b' }], ['mongo']) as KubeObject
    const gateways = [gatewayOf('a', 'inner'), gatewayOf('b', 'outer')]
    const scene = await Scene.of(t, {}, [classOf('inner'), classOf('outer'), ...gateways, route])
    const weirs = ['inner', 'outer'].map(gatewayClass => scene.follower(writing({ gatewayClass })))
    for (const each of weirs) await each.begin()
    const parents = (): string[] => {
      const { parents = [] } = Object(scene.api.get(route).status) as {
        parents?: { parentRef: { name: string } }[]
      }
      return parents.map(each => each.parentRef.name)
    }
    weirs[0].report()
    await weirs[0].until(() => String(parents()) === 'a')
    weirs[1].report()
    await weirs[1].until(() => String(parents()) === 'a,b')

    // A Gateway that is gone leaves no entry behind, whoever wrote it.
    scene.api.remove(gateways[1])
    await Promise.all(
      weirs.map(each =>
        each.until(() => ![...each.table.keys()].some(key => key.endsWith('Gateway shop/b'))),
      ),
    )
    weirs[1].report()
    await weirs[1].until(() => String(parents()) === 'a')
  })
})
