/**
 * Goal: weir resets a connection that a policy denies, or whose source is at its limit, before it
 * dials; the reason and the rule are recorded, and a source's count is given back however the
 * connection ends. Method: clients from several addresses of the loopback, on every engine.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type Cidr, parseCidr } from '../../src/address/address.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { Live, liveAt, openConnections } from '../../src/stats/connections.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { RecordReader, Wanted, want } from '../../src/stats/records.ts'
import { sourceTableFull } from '../../src/stats/source-table.ts'
import { policyRuleName } from '../../src/table/format/access-names.ts'
import type { AccessPolicy, PlannedLimit, Test } from '../../src/table/plan/access.ts'
import type { Plan, ReadsProxy } from '../../src/table/plan/plan.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import {
  begin,
  echo,
  ending,
  freePort,
  greet,
  listen,
  open,
  readBytes,
  type TestServer,
  until,
} from '../support/sockets.ts'

const range = (text: string): Cidr => parseCidr(text) ?? assert.fail(text)

const policy = (
  action: AccessPolicy['action'],
  tests: readonly Test[],
  more: Partial<AccessPolicy> = {},
): AccessPolicy => ({
  name: `default/${action.toLowerCase()}`,
  action,
  dryRun: false,
  file: 'a.yaml',
  line: 1,
  rules: [{ never: null, from: [tests], to: [], when: [] }],
  ...more,
})
const from = (of: 'peer' | 'client', ...texts: string[]): Test => ({
  field: 'ipBlocks',
  not: false,
  of,
  cidrs: texts.map(range),
})

const READS: ReadsProxy = {
  from: [range('127.0.0.0/8')],
  require: false,
  versions: [1, 2],
  timeoutMs: 60_000,
}

/** A worker with one listener that has policies and limits. */
async function gatewayTo(
  engine: EngineKind,
  upstream: TestServer,
  {
    policies = [],
    limits = [],
    workers = 1,
    proxyProtocol,
  }: {
    policies?: readonly AccessPolicy[]
    limits?: readonly PlannedLimit[]
    workers?: number
    proxyProtocol?: ReadsProxy
  },
) {
  const plane = new TestEngine(engine, workers)
  const port = await freePort()
  const planWith = (
    all: readonly AccessPolicy[],
    some: readonly PlannedLimit[],
    gateway = 'default/edge',
  ): Plan => {
    const listener = listenerOn(port, 0, {
      gateway,
      bind: '',
      policies: [...all.keys()],
      limits: [...some.keys()],
      ...(proxyProtocol && { proxyProtocol }),
    })
    return { ...planOf([listener], [clusterOf([upstream])]), policies: all, limits: some }
  }
  await plane.adopt(planWith(policies, limits))
  return {
    plane,
    port,
    adopt: (all: readonly AccessPolicy[], some: readonly PlannedLimit[] = limits, owner?: string) =>
      plane.adopt(planWith(all, some, owner)),
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}

const as = (port: number, localAddress: string): Promise<Socket> => open(port, '127.0.0.1', { localAddress })

/** How the connection from an address ends, or what it is greeted with. */
async function answer(port: number, localAddress: string, says = ''): Promise<string> {
  const client = begin(port, '127.0.0.1', { localAddress })
  if (says !== '') client.write(says)
  const first = await new Promise<string>(resolve => {
    client.once('data', chunk => resolve(chunk.toString()))
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    client.once('close', () => resolve('close'))
  })
  client.destroy()
  return first
}

const limit = (more: Partial<PlannedLimit>): PlannedLimit => ({
  gateway: '',
  connections: 0,
  rate: 0,
  burst: 0,
  prefix4: 32,
  prefix6: 64,
  ...more,
})

for (const { engine, test } of ENGINES) {
  test(`${engine}: whom a DENY policy matches is reset, and nobody is dialed for it`, async () => {
    await using upstream = await listen(greet('hello'))
    await using gateway = await gatewayTo(engine, upstream, {
      policies: [policy('DENY', [from('peer', '127.0.10.0/24')])],
    })
    const { plane, port } = gateway
    const [{ records }] = plane.journals
    want(records, Wanted.ends)
    assert.equal(await answer(port, '127.0.11.1'), 'hello')
    assert.equal(await answer(port, '127.0.10.7'), 'ECONNRESET')
    await plane.closed('denied-by-policy')
    await plane.settled()
    assert.equal(plane.counts.dials, 1)
    const told: string[] = []
    new RecordReader(records).drain((words, _, at) => {
      const rule = plane.observer.generations.policyRule(
        words[at + Live.generation],
        words[at + Live.policy] - 1,
      )
      told.push(`${REASON_NAMES[words[at + Live.reason]]} ${rule && policyRuleName(rule)}`)
    })
    assert.ok(told.includes('denied-by-policy default/deny rules[0]'), told.join('; '))
    assert.equal(
      plane.stats.policyMatches.reduce((sum, each) => sum + each, 0),
      1,
    )
  })

  test(`${engine}: with an ALLOW policy nobody else may connect; without a rule nobody at all`, async () => {
    await using upstream = await listen(greet('hello'))
    await using gateway = await gatewayTo(engine, upstream, {
      policies: [policy('ALLOW', [from('peer', '127.0.10.0/24')])],
    })
    const { plane, port } = gateway
    assert.equal(await answer(port, '127.0.10.7'), 'hello')
    assert.equal(await answer(port, '127.0.11.1'), 'ECONNRESET')
    await gateway.adopt([policy('ALLOW', [], { rules: [] })])
    assert.equal(await answer(port, '127.0.10.7'), 'ECONNRESET')
    await gateway.adopt([])
    assert.equal(await answer(port, '127.0.11.1'), 'hello')
    await plane.settled()
    assert.equal(plane.counts.closed['denied-by-policy'], 2)
  })

  test(`${engine}: behind a load balancer ipBlocks is its address, remoteIpBlocks the client's`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream, {
      proxyProtocol: READS,
      policies: [policy('DENY', [from('client', '192.0.2.0/24'), from('peer', '127.0.10.0/24')])],
    })
    const { port, plane } = gateway
    const header = (client: string): string => `PROXY TCP4 ${client} 203.0.113.5 56324 443\r\nx`
    assert.equal(await answer(port, '127.0.10.1', header('192.0.2.7')), 'ECONNRESET')
    assert.equal(await answer(port, '127.0.10.1', header('198.51.100.7')), 'x')
    assert.equal(await answer(port, '127.0.11.1', header('192.0.2.7')), 'x')
    await plane.settled()
    assert.deepEqual([plane.counts.closed['denied-by-policy'], plane.counts.dials], [1, 2])
  })

  test(`${engine}: AUDIT and dry runs mark a connection, and let it go on`, async () => {
    await using upstream = await listen(greet('hello'))
    await using gateway = await gatewayTo(engine, upstream, {
      policies: [
        policy('AUDIT', [from('peer', '127.0.10.0/24')]),
        policy('DENY', [from('peer', '127.0.10.0/24')], { name: 'default/trial', dryRun: true }),
      ],
    })
    const { port, plane } = gateway
    const client = await as(port, '127.0.10.1')
    assert.equal(await readBytes(client, 5), 'hello')
    const { words } = openConnections(plane.journals[0].connections)
    const marks = [0, 1, 2].map(row => [words[liveAt(row) + Live.policy], words[liveAt(row) + Live.audited]])
    const [would, audited] = marks.find(([first]) => first > 0) ?? assert.fail('no row is marked')
    const nameOf = (row: number): string | null =>
      plane.observer.generations.policyRule(1, row - 1)?.policy ?? null
    assert.deepEqual([nameOf(would), nameOf(audited)], ['default/trial', 'default/audit'])
    client.destroy()
    await plane.settled()
    assert.equal(plane.counts.closed['denied-by-policy'], 0)
    assert.equal(
      plane.stats.policyMatches.reduce((sum, each) => sum + each, 0),
      2,
    )
  })

  test(`${engine}: an open connection that is denied later ends by that reason, with the later rule`, async () => {
    await using upstream = await listen(greet('hello'))
    await using gateway = await gatewayTo(engine, upstream, {})
    const { port, plane } = gateway
    const [{ records }] = plane.journals
    want(records, Wanted.ends)
    const client = await as(port, '127.0.10.1')
    assert.equal(await readBytes(client, 5), 'hello')
    await gateway.adopt([policy('DENY', [from('peer', '127.0.10.0/24')])])
    const [{ row, id }] = [...plane.observer.live.list()]
    plane.order({
      kind: 'close',
      rows: Int32Array.of(row),
      ids: Float64Array.of(id),
      afterMs: Float64Array.of(0),
      denied: { generation: 2, policies: Int32Array.of(1) },
    })
    assert.equal(await ending(client), 'ECONNRESET')
    await plane.settled()
    assert.equal(plane.counts.closed['denied-by-policy'], 1)
    let told: string | null = null
    new RecordReader(records).drain((words, _, at) => {
      const rule = plane.observer.generations.policyRule(
        words[at + Live.policyGeneration],
        words[at + Live.policy] - 1,
      )
      told = rule && policyRuleName(rule)
    })
    assert.equal(told, 'default/deny rules[0]')
  })

  test(`${engine}: who is still being read from when a policy comes is denied by it`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream, { proxyProtocol: READS })
    const { port, plane } = gateway
    const [{ records }] = plane.journals
    want(records, Wanted.ends)
    const clients = [await as(port, '127.0.10.1'), await as(port, '127.0.11.1')]
    await until(() => plane.observer.live.states().reading === 2)
    await gateway.adopt([policy('DENY', [from('peer', '127.0.10.0/24')])])
    for (const client of clients) client.write('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\nx')
    assert.equal(await ending(clients[0]), 'ECONNRESET')
    assert.equal(await readBytes(clients[1], 1), 'x')
    clients[1].destroy()
    await plane.settled()
    assert.deepEqual([plane.counts.closed['denied-by-policy'], plane.counts.dials], [1, 1])
    const told: (string | null)[] = []
    new RecordReader(records).drain((words, _, at) => {
      const rule = plane.observer.generations.policyRule(
        words[at + Live.policyGeneration],
        words[at + Live.policy] - 1,
      )
      if (rule) told.push(policyRuleName(rule))
    })
    assert.deepEqual(told, ['default/deny rules[0]'])
  })

  test(`${engine}: so is who is read from while another Gateway gets the socket, with its policies`, async () => {
    await using upstream = await listen(echo)
    await using gateway = await gatewayTo(engine, upstream, { proxyProtocol: READS })
    const { port, plane } = gateway
    const client = await as(port, '127.0.10.1')
    await until(() => plane.observer.live.states().reading === 1)
    await gateway.adopt([policy('DENY', [from('peer', '127.0.10.0/24')])], [], 'default/other')
    client.write('PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\nx')
    assert.equal(await ending(client), 'ECONNRESET')
    await plane.settled()
    assert.deepEqual([plane.counts.closed['denied-by-policy'], plane.counts.dials], [1, 0])
  })

  test(`${engine}: a source has as many connections as it may, over all workers and reloads`, async () => {
    await using upstream = await listen(greet('hello'))
    const limits = [limit({ connections: 3 })]
    await using gateway = await gatewayTo(engine, upstream, { limits, workers: 2 })
    const { port, plane } = gateway
    const held: Socket[] = []
    for (let each = 0; each < 3; each++) {
      const client = await as(port, '127.0.10.1')
      assert.equal(await readBytes(client, 5), 'hello')
      held.push(client)
    }
    assert.equal(await answer(port, '127.0.10.1'), 'ECONNRESET')
    assert.equal(await answer(port, '127.0.10.2'), 'hello', 'another source')
    await gateway.adopt([])
    assert.equal(await answer(port, '127.0.10.1'), 'ECONNRESET', 'after a reload')
    held.pop()?.destroy()
    await until(() => plane.counts.open === 2)
    assert.equal(await answer(port, '127.0.10.1'), 'hello', 'a place is free again')
    for (const client of held) client.destroy()
    await plane.settled()
    assert.equal(plane.counts.closed['source-limit'], 2)
  })

  test(`${engine}: of many at once exactly as many as may get in, whichever worker accepts them`, async () => {
    await using upstream = await listen(greet('hello'))
    const limits = [limit({ connections: 5 })]
    await using gateway = await gatewayTo(engine, upstream, { limits, workers: 2 })
    const { port, plane } = gateway
    const clients = Array.from({ length: 60 }, () => begin(port, '127.0.0.1', { localAddress: '127.0.10.1' }))
    const answers = clients.map(
      client =>
        new Promise<string>(resolve => {
          client.once('data', chunk => resolve(chunk.toString()))
          client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
        }),
    )
    const all = Object.groupBy(await Promise.all(answers), each => each)
    assert.deepEqual([all.hello?.length, all.ECONNRESET?.length], [5, 55])
    for (const client of clients) client.destroy()
    await plane.settled()
    assert.equal(plane.counts.closed['source-limit'], 55)
    assert.equal(sourceTableFull(plane.sources), 0)
  })

  test(`${engine}: a burst at once, then the rate; two limits both count, and what fails gives back`, async () => {
    await using upstream = await listen(greet('hello'))
    const limits = [
      limit({ connections: 1 }),
      limit({ gateway: 'default/test', rate: 1, burst: 4, prefix4: 24 }),
    ]
    await using gateway = await gatewayTo(engine, upstream, {
      limits,
      policies: [policy('DENY', [from('peer', '127.0.10.9/32')])],
    })
    const { port, plane } = gateway
    // Denied twice: it would have none left of its one connection, had it not been given back.
    assert.equal(await answer(port, '127.0.10.9'), 'ECONNRESET')
    assert.equal(await answer(port, '127.0.10.9'), 'ECONNRESET')
    await plane.closed('denied-by-policy', 2)
    let served = 0
    for (let each = 10; each < 30; each++) if ((await answer(port, `127.0.10.${each}`)) === 'hello') served++
    await plane.settled()
    assert.ok(served >= 2, 'two of the burst were left')
    assert.equal(plane.counts.closed['source-limit'] + served, 20)
    assert.ok(plane.counts.closed['source-limit'] > 0)
  })
}
