/** Lines of a watch: those that come while weir rests are read together, and none is lost. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { Client } from '../../src/source/kubernetes/client.ts'
import { readLines } from '../../src/source/kubernetes/lines.ts'

/** Long beside what a test does meanwhile. */
const REST_MS = 300
const MIB = 1024 ** 2

/** A watch's body, and the answer that it is read from. */
async function bodyOf(t: TestContext) {
  const answering = Promise.withResolvers<ServerResponse>()
  const server = createServer((_request, response) => {
    response.flushHeaders()
    answering.resolve(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new Client({
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    namespace: 'default',
    tls: () => ({}),
    bearer: null,
    title: 'test',
  })
  t.after(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  const { body } = await client.open('/', new AbortController().signal, { pauses: true })
  return { body, response: await answering.promise }
}

/** Reads the body; by turn of the event loop, how many lines came. */
function reading(body: Parameters<typeof readLines>[0], restMs: () => number) {
  const lines: string[] = []
  const turns: number[] = []
  let isTurn = false
  let wake = Promise.withResolvers<void>()
  const onLine = (line: string): boolean => {
    lines.push(line)
    if (!isTurn) {
      turns.push(0)
      isTurn = true
      setImmediate(() => {
        isTurn = false
      })
    }
    turns[turns.length - 1]++
    wake.resolve()
    wake = Promise.withResolvers()
    return true
  }
  const ended = readLines(body, { idleMs: () => 60_000, restMs, onLine })
  const until = async (count: number): Promise<void> => {
    while (lines.length < count) await wake.promise
  }
  return { lines, turns, ended, until }
}

test('what comes while weir rests waits in the kernel, and is read in few turns', async t => {
  const { body, response } = await bodyOf(t)
  const { lines, turns, ended, until } = reading(body, () => REST_MS)
  response.write('first\n')
  await until(1)
  const sent = Array.from({ length: 50 }, (_, index) => `line ${index} ${'x'.repeat(1000)}`)
  for (const each of sent) {
    response.write(`${each}\n`)
    await new Promise(setImmediate)
  }
  await until(1 + sent.length)
  deepEqual(lines, ['first', ...sent])
  equal(turns[0], 1)
  ok(turns.length <= 4, `${sent.length} lines in ${turns.length - 1} turns`)
  response.end('last\n')
  await ended
  equal(lines.at(-1), 'last')
})

test('without a rest each turn has what has come', async t => {
  const { body, response } = await bodyOf(t)
  const { turns, until, ended } = reading(body, () => 0)
  for (let line = 1; line <= 10; line++) {
    response.write('line\n')
    await until(line)
  }
  equal(turns.length, 10)
  response.end()
  await ended
})

test('while weir rests it holds little, and the server holds back the rest; all of it comes', async t => {
  const { body, response } = await bodyOf(t)
  const rests = [REST_MS]
  const { lines, ended, until } = reading(body, () => rests.shift() ?? 1)
  const many = Buffer.from(`${'x'.repeat(MIB - 1)}\n`.repeat(32)) // made before the rest begins
  response.write('first\n')
  await until(1)
  response.end(many)
  await after(REST_MS / 3)
  equal(lines.length, 1)
  ok(body.readableLength <= MIB, `${body.readableLength} bytes`)
  ok(response.writableLength > 0 || !response.writableFinished)
  await ended
  equal(lines.length, 33)
})

test('a connection that breaks during a rest is an error', async t => {
  const { body, response } = await bodyOf(t)
  const { ended, until } = reading(body, () => 20)
  response.write('first\n')
  await until(1)
  response.socket?.resetAndDestroy()
  await rejects(ended)
})
