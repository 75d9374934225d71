// Goal: what can change while the gateway runs, changes at a reload. Method: real connections
// before and after, on both engines.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { scene as adminScene, talking } from '../admin/scene.ts'
import { blackhole } from '../support/blackhole.ts'
import { ENGINES } from '../support/engine.ts'
import { freePort, open, until } from '../support/sockets.ts'
import { ask, folder, routing } from './scene.ts'

async function scene(t: TestContext, engine: string, spec: string) {
  const dead = await freePort()
  const running = await adminScene(t, (port, backend) => withSpec(routing(port, backend), engine, spec))
  const { port, backend, save, send } = running
  return {
    ...running,
    dead,
    change: async (next: string, edit: (text: string) => string = text => text) => {
      save(edit(withSpec(routing(port, backend), engine, next)))
      // 'unchanged': the watch was first.
      assert.match((await send('POST /reload', {})).body.outcome, /^(taken|unchanged)$/)
    },
  }
}

/**
 * With outlierDetection no failed connect is remembered, so the dead endpoint is drawn again and
 * again.
 */
const FORGETFUL = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: forgetful}
spec: {host: backend.example, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}}
`

/** One dial may take an hour; all together, what `deadline` or else the Settings say. */
const patience = (deadline: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: patient, annotations: {${deadline && `gateway.weir/connect-deadline: ${deadline}`}}}
spec: {host: backend.example, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1h}}}}
`

const withSpec = (text: string, engine: string, spec: string): string =>
  text.replace('{workers: 1,', `{workers: 1, engine: ${engine}, ${spec}`)

const linesOf = (path: string): number =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0

for (const { engine, test } of ENGINES) {
  test(`${engine}: the access log is opened, moved and closed by a reload, and no line is lost`, async t => {
    const { port, change, records, get } = await scene(t, engine, '')
    const root = folder(t)
    const [one, two] = [join(root, 'one.log'), join(root, 'two.log')]
    const connect = async (count: number) => {
      for (let done = 0; done < count; done++) assert.equal(await ask(port), 'hello test')
    }
    // Its worker may hear of a client's end after the client.
    const ended = async () => {
      while ((await get('/connections')).body.connections.length > 0);
    }
    await connect(3)
    await ended()
    await change(`accessLog: {path: ${one}},`)
    await connect(5)
    await until(() => linesOf(one) === 5)
    // Connections that end before the first log has ended are still in that one.
    await change(`accessLog: {path: ${two}, format: text},`)
    let more = 0
    for (; linesOf(two) === 0; more++) await connect(1)
    await until(() => linesOf(one) + linesOf(two) === 5 + more)
    await change('accessLog: null,')
    await connect(2)
    await ended()
    await change(`accessLog: {path: ${one}},`)
    const before = linesOf(one)
    await connect(1)
    await until(() => linesOf(one) > before)
    assert.equal(linesOf(one) - before, 1, 'what ended while it was off is in no log')
    assert.deepEqual(
      records.filter(each => each.level === 'warn' || each.level === 'error').map(each => each.msg),
      [],
    )
  })

  test(`${engine}: limits of connections and attempts hold from the reload on`, async t => {
    const { port, dead, backend, change, logged, get } = await scene(t, engine, 'maxConnections: 4,')
    const most = async () => (await get('/summary')).body.maxConnections
    await talking(t, port)
    assert.equal(await ask(port), 'hello test')
    await change('maxConnections: 1,')
    assert.deepEqual([await ask(port), await most()], ['', 1])
    await change('maxConnections: 4000000,')
    assert.deepEqual([await ask(port), await most()], ['hello test', 4])
    await logged('maxConnections (beyond the 4 of the start): takes effect on restart')

    // One of two endpoints does not listen: with a second attempt nobody notices.
    const half = (text: string) =>
      text.replace(
        'endpoints: [{address: 127.0.0.1}]',
        `endpoints: [{address: 127.0.0.1, ports: {tcp: ${dead}}}, {address: 127.0.0.1, ports: {tcp: ${backend}}}]`,
      ) + FORGETFUL
    await change('connectAttempts: 2,', half)
    for (let count = 0; count < 20; count++) assert.equal(await ask(port), 'hello test')
    await change('connectAttempts: 1,', half)
    const answers: string[] = []
    while (!answers.includes('') && answers.length < 200) answers.push(await ask(port))
    assert.ok(answers.includes(''))
  })
  test(`${engine}: how long all dials may take changes for those that come, by Settings and by annotation`, async t => {
    await using hole = await blackhole()
    const { port, change, get } = await scene(t, engine, 'connectDeadline: 1h,')
    const patient =
      (deadline = '') =>
      (text: string) =>
        text.replace(
          'endpoints: [{address: 127.0.0.1}]',
          `endpoints: [{address: 127.0.0.1, ports: {tcp: ${hole.port}}}]`,
        ) + patience(deadline)
    await change('connectDeadline: 1h,', patient())
    const waiting = await open(port)
    while ((await get('/connections?state=dialing')).body.connections.length !== 1);
    await change('connectDeadline: 100ms,', patient())
    assert.equal(await ask(port), '')
    await change('connectDeadline: 1h,', patient('100ms'))
    assert.equal(await ask(port), '')
    assert.equal(waiting.closed, false, 'what was dialing keeps the hour that it began with')
    waiting.destroy()
  })
}
