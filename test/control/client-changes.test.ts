/**
 * Goal: a change of the files that concerns only who clients are changes that, and nothing else.
 * Method: a gateway whose rule asks for a namespace, and the Pod that gives a client one.
 */

import assert from 'node:assert/strict'
import { scene, talking } from '../admin/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { ask, routing } from './scene.ts'

const CLIENT = '127.0.20.1'
const OTHER = '127.0.20.2'

const forShop = (port: number, backend: number, settings = ''): string =>
  routing(port, backend)
    .replace('    - route:', '    - match: [{sourceNamespace: shop}]\n      route:')
    .replace('{workers: 1,', `{workers: 1, ${settings}`)

const pod = (namespace: string, ip = CLIENT): string => `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: ${namespace}}
status: {podIP: ${ip}, phase: Running}
`

const REVOKES = 'authorization: {identity: address, onChange: revoke, revokeOver: 10ms},'
const ONLY_SHOP = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: shop-only}
spec:
  action: ALLOW
  rules: [{from: [{source: {namespaces: [shop]}}]}]
`

for (const { engine, test } of ENGINES) {
  test(`${engine}: who clients are changes by a revision, without a generation`, async t => {
    const { port, backend, gateway, save, send, logged } = await scene(t, forShop, engine)
    const change = async (text: string, name = 'pods.yaml'): Promise<void> => {
      save(text, name)
      // 'unchanged': the watch was first.
      assert.match((await send('POST /reload', {})).body.outcome, /^(taken|unchanged)$/)
    }
    assert.equal(await ask(port, '127.0.0.1', CLIENT), '')
    const before = gateway.serving
    assert.ok(before)
    const reloads = gateway.history.reloads.length

    await change(pod('shop'))
    await logged('clients revision 1 of generation 1: added Pod shop/web')
    assert.equal(await ask(port, '127.0.0.1', CLIENT), 'hello test')
    assert.equal(await ask(port, '127.0.0.1', OTHER), '')
    const after = gateway.serving
    assert.ok(after)
    assert.equal(after.generation, 1)
    assert.equal(after.table.clientsRevision, 1)
    assert.equal(after.table.buffers.routing, before.table.buffers.routing, 'no rule was rebuilt')
    assert.equal(gateway.history.reloads.length, reloads)

    await change(pod('shop', OTHER))
    await logged('clients revision 2 of generation 1: changed Pod shop/web')
    assert.equal(await ask(port, '127.0.0.1', OTHER), 'hello test')
    assert.equal(await ask(port, '127.0.0.1', CLIENT), '')
    assert.equal((await send('POST /reload', {})).body.outcome, 'unchanged')

    await change(forShop(port, backend, 'connectAttempts: 2,'), 'a.yaml')
    assert.equal(gateway.serving?.generation, 2, 'settings make a generation')
    assert.equal(gateway.serving?.table.clientsRevision, 0)
    assert.equal(await ask(port, '127.0.0.1', OTHER), 'hello test', 'the Pod that was there stays')
  })

  test(`${engine}: revoke ends connections of clients who become somebody else`, async t => {
    const text = (port: number, backend: number): string =>
      routing(port, backend).replace('{workers: 1,', `{workers: 1, ${REVOKES}`) +
      ONLY_SHOP +
      `---${pod('shop', '127.0.0.1')}`
    const { port, backend, save, reload, logged } = await scene(t, text, engine)
    const client = await talking(t, port)

    const ended = new Promise(resolve => client.once('close', resolve))
    save(text(port, backend).replace('name: web, namespace: shop', 'name: web, namespace: office'))
    assert.equal((await reload()).outcome, 'taken')
    await logged('clients revision 1 of generation 1')
    await ended
    assert.equal(await ask(port), '')
  })
}
