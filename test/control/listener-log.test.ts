/** Listeners in the log: when they open, why they do not, and who holds a port. */

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ListenerLog } from '../../src/control/observe/listener-log.ts'
import { createLog } from '../../src/control/observe/log.ts'
import { holderOf, holderText } from '../../src/control/observe/port-holder.ts'
import type { WorkerStatus } from '../../src/control/workers/worker-record.ts'
import type { TableListener } from '../../src/table/format/table.ts'

const socket = (key: string, port: number, bind = '127.0.0.1'): TableListener =>
  ({ key, bind, port, opens: true }) as unknown as TableListener

const worker = (generation: number, ...failed: [string, string][]): WorkerStatus => {
  const failures = failed.map(([listener, code]) => ({ listener, code, message: `listen ${code}` }))
  return { generation, failures } as unknown as WorkerStatus
}

function watched() {
  const lines: string[] = []
  const write = (line: string) => lines.push(line.trim().slice('00:00:00 '.length))
  return { lines, log: new ListenerLog(createLog(write, { format: 'text', colours: false })) }
}

test('a listener opens once every worker accepts for it, and closes once it is gone', () => {
  const { lines, log } = watched()
  log.publishing(1, [socket('a', 1), socket('b', 2)])
  log.look([worker(1), worker(0)])
  assert.deepEqual(lines, [])
  log.look([worker(1), worker(1)])
  log.look([worker(1), worker(1)])
  assert.deepEqual(lines.splice(0), ['info  listener a opens', 'info  listener b opens'])
  log.publishing(2, [socket('b', 2)])
  log.look([worker(2), worker(2)])
  assert.deepEqual(lines, ['info  listener a closes'])
})

test('one that cannot open is told once, with what to do, and opens when it can', () => {
  const { lines, log } = watched()
  log.publishing(1, [socket('low', 80), socket('far', 9, '192.0.2.1'), socket('odd', 7), socket('fine', 8)])
  const failed: [string, string][] = [
    ['low', 'EACCES'],
    ['far', 'EADDRNOTAVAIL'],
    ['odd', 'EMFILE'],
  ]
  for (let turn = 0; turn < 2; turn++) log.look([worker(1, ...failed), worker(1, ...failed)])
  const [low, far, odd, fine, ...rest] = lines.splice(0)
  assert.match(
    low,
    /^error listener low is not open: weir may not open port 80 \(EACCES\): .*CAP_NET_BIND_SERVICE/,
  )
  assert.match(
    far,
    /^error listener far is not open: no interface of this machine has the address 192\.0\.2\.1 /,
  )
  assert.match(odd, /^error listener odd is not open: listen EMFILE; weir tries again every second$/)
  assert.deepEqual([fine, rest], ['info  listener fine opens', []])
  log.look([worker(1), worker(1, ['far', 'EADDRNOTAVAIL'])])
  assert.deepEqual(lines.splice(0), ['info  listener low opens', 'info  listener odd opens'])
  log.look([worker(1), worker(1)])
  assert.deepEqual(lines, ['info  listener far opens'])
})

test('one that never opened does not open as its workers drain', () => {
  const { lines, log } = watched()
  log.publishing(1, [socket('a', 1)])
  log.look([worker(1, ['a', 'EMFILE']), worker(1, ['a', 'EMFILE'])])
  lines.splice(0)
  for (const state of ['draining', 'ended'] as const) log.look([{ ...worker(1), state }, worker(1)])
  assert.deepEqual(lines, [])
})

test('a port that is taken is named with the process that holds it', async t => {
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    const server = createServer().listen(0, host)
    t.after(() => server.close())
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const holder = holderOf('127.0.0.1', port)
    assert.equal(holder?.pid, process.pid, host)
    assert.match(holderText(holder), new RegExp(`^\\S.* \\(process ${process.pid}\\)$`))
    assert.equal(holderOf('::', port)?.pid, process.pid)
    assert.equal(holderOf('', port)?.pid, process.pid)
    const { lines, log } = watched()
    log.publishing(1, [socket('a', port)])
    log.look([worker(1, ['a', 'EADDRINUSE'])])
    assert.match(
      lines[0],
      new RegExp(`port ${port} is in use by .*\\(process ${process.pid}\\) \\(EADDRINUSE\\): stop that`),
    )
  }
})

test('a socket of another address or family holds nothing', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  assert.deepEqual([holderOf('127.0.0.2', port), holderOf('::1', port)], [null, null])
})
