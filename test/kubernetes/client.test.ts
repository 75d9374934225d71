/** Requests to an API server that answers badly: sizes, times, refusals and connections. */

import { equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Bearer } from '../../src/source/kubernetes/bearer.ts'
import { Client } from '../../src/source/kubernetes/client.ts'

async function sceneOf(t: TestContext, answer: RequestListener, bearer: Bearer | null = null) {
  const server = createServer({ keepAliveTimeout: 0 }, answer)
  const sockets: Socket[] = []
  server.on('connection', socket => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new Client({
    server: new URL(`http://127.0.0.1:${port}`),
    namespace: 'default',
    tls: () => ({}),
    bearer,
    title: 'test',
  })
  const closing = new AbortController()
  t.after(() => {
    closing.abort()
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { client, sockets, signal: closing.signal, close: () => closing.abort() }
}

/** Resolves when it is closed, also by a reset. */
const closed = (socket: Socket): Promise<void> =>
  new Promise(resolve => (socket.destroyed ? resolve() : socket.once('close', () => resolve())))

test('a refusal whose body does not end is read up to a size, and its status counts', async t => {
  const { client, sockets, signal } = await sceneOf(t, (_, answer) => {
    answer.writeHead(410)
    const piece = Buffer.alloc(65_536, 'x')
    const more = () => {
      while (!answer.destroyed && answer.write(piece));
    }
    answer.on('drain', more)
    more()
  })
  const { status, message } = await client.refusal(await client.open('/apis', signal))
  equal(status, 410)
  equal(message, '410: no reason is given')
  await closed(sockets[0])
})

test('words of the server are safe for a terminal, and a missing right has a cure', async t => {
  const { client, signal } = await sceneOf(t, (_, answer) => {
    answer.writeHead(403).end(JSON.stringify({ message: 'no \u001b[31mway' }))
  })
  const { message } = await client.refusal(await client.open('/apis', signal))
  equal(message, '403: no \\u001b[31mway (weir rbac prints the rights that weir needs)')
})

test('after a 401 no idle connection stays: the next request has a new one', async t => {
  let code = 401
  const { client, sockets, signal } = await sceneOf(t, (_, answer) => {
    answer.writeHead(code).end('{}')
    code = 200
  })
  equal((await client.whole('/version', signal)).status, 401)
  equal((await client.whole('/version', signal)).status, 200)
  equal((await client.whole('/version', signal)).status, 200)
  equal(sockets.length, 2)
  const [refused, kept] = sockets
  await closed(refused)
  equal(kept.destroyed, false)
})

test('who closes does not wait for a program that is asked for credentials', async t => {
  const never: Bearer = { token: () => new Promise(() => {}), refused: () => {} }
  const { client, signal, close } = await sceneOf(t, (_, answer) => answer.end(), never)
  const asking = client.whole('/version', signal)
  close()
  await rejects(asking, { name: 'AbortError' })
})
