// Goal: a changed policy applies to new connections, is logged, and ends open connections if the
// Settings ask for it. Method: a gateway with its files, its admin listener and its log.

import assert from 'node:assert/strict'
import { scene, talking } from '../admin/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { until } from '../support/sockets.ts'
import { ask, routing } from './scene.ts'

const policy = (action: string, block: string): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: who}
spec:
  action: ${action}
  rules: [{from: [{source: {ipBlocks: [${block}]}}]}]
`

for (const { engine, test } of ENGINES) {
  test(`${engine}: policies follow a reload, and are told in log, metrics and explain`, async t => {
    const { port, backend, save, reload, get, logged } = await scene(t, routing, engine)
    const change = async (text: string, spec = '') => {
      save(routing(port, backend).replace('{workers: 1,', `{workers: 1, ${spec}`) + text)
      assert.equal((await reload()).outcome, 'taken')
    }
    assert.equal(await ask(port, '127.0.0.1', '127.0.10.1'), 'hello test')
    await change(policy('DENY', '127.0.10.0/24'))
    await logged('1 AuthorizationPolicy is enforced: default/who (DENY) at default/edge')
    assert.equal(await ask(port, '127.0.0.1', '127.0.10.1'), '')
    assert.equal(await ask(port, '127.0.0.1', '127.0.11.1'), 'hello test')
    // The client may hear of its reset in the turn before the connection is counted as closed.
    const denied = /weir_connections_closed_total\{reason="denied-by-policy"\} 1\n/
    while (!denied.test(String((await get('/metrics')).body)));
    const text = String((await get('/metrics')).body)
    assert.match(
      text,
      /weir_policy_matches_total\{policy="default\/who",rule="0",action="DENY",effect="denied"\} 1\n/,
    )
    const { body } = await get(`/explain?gateway=edge&from=127.0.10.1&to=127.0.0.1:${port}`)
    assert.equal(body.ends, 'denied-by-policy')
    assert.equal(body.authorization.deniedBy, 'default/who rules[0]')
    await change('')
    await logged('no AuthorizationPolicy is enforced any more')
    assert.equal(await ask(port, '127.0.0.1', '127.0.10.1'), 'hello test')
  })

  test(`${engine}: revoke resets the open connections that a changed policy denies, keep does not`, async t => {
    const { port, backend, save, reload, get, logged } = await scene(t, routing, engine)
    const change = async (text: string, onChange: string) => {
      const spec = `{workers: 1, authorization: {onChange: ${onChange}, revokeOver: 10ms},`
      save(routing(port, backend).replace('{workers: 1,', spec) + text)
      assert.equal((await reload()).outcome, 'taken')
    }
    const client = await talking(t, port)
    let ended = false
    client.on('close', () => {
      ended = true
    })
    await change(policy('DENY', '127.0.0.0/8'), 'keep')
    const count = async () => (await get('/connections')).body.connections.length
    assert.equal(await count(), 1)
    await change(policy('ALLOW', '10.0.0.0/8'), 'revoke')
    await logged('1 open connection is denied by the policies of generation 3')
    await until(() => ended)
    // The client may hear of its reset in the turn before the connection is counted as closed.
    const denied = /weir_connections_closed_total\{reason="denied-by-policy"\} 1\n/
    while (!denied.test(String((await get('/metrics')).body)));
  })

  test(`${engine}: the guard sees whom policies would deny; strict refuses them, refuse tells them`, async t => {
    const { port, backend, save, reload, get, logged } = await scene(t, routing, engine)
    const change = async (text: string, guard: string) => {
      save(routing(port, backend).replace('{workers: 1,', `{workers: 1, reload: {guard: ${guard}},`) + text)
      return (await reload()).outcome
    }
    const client = await talking(t, port)
    assert.equal(await change('', 'strict'), 'taken')
    assert.equal(await change(policy('DENY', '127.0.10.0/24'), 'strict'), 'taken', 'nobody has it')
    assert.equal(await change(policy('ALLOW', '127.0.10.0/24'), 'strict'), 'guarded')
    await logged('CFG470: default/who rules[0] denies the clients of 1 of 1 open connections')
    const [{ loses }] = (await get('/reloads')).body.reloads
    assert.deepEqual([loses.policies, loses.open], [1, 1])
    assert.equal(await change('', 'refuse'), 'taken')
    assert.equal(await change(policy('DENY', '127.0.0.0/8'), 'refuse'), 'taken')
    await logged('default/who rules[0] denies the clients of 1 of 1 open connections')
    assert.equal(await change(policy('DENY', '127.0.0.0/9'), 'strict'), 'taken', 'it was denied before')
    client.destroy()
  })
}
