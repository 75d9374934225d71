/**
 * Goal: a new table changes where new connections go and which sockets accept, and nothing else.
 * Method: tables swapped, listeners added, moved and taken away under real connections.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { parseCidr } from '../../src/address/address.ts'
import type { Rule } from '../../src/table/plan/plan.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import { echo, ending, freePort, greet, readAll, readBytes, say, until } from '../support/sockets.ts'
import { WAYS, type Way } from '../support/ways.ts'

/** The answer of the upstream behind `port`. */
const askBy = async (way: Way, port: number, host?: string): Promise<string> => {
  const client = await way.open(port, host)
  client.end()
  return readAll(client)
}

/** The same for a client that may be refused or reset, which gets no answer. */
const askOf = async (client: Socket): Promise<string> => {
  const answer = await readAll(client).catch(() => '')
  client.end()
  return answer
}

for (const { engine, way, test } of WAYS) {
  const ask = (port: number, host?: string) => askBy(way, port, host)

  test(`${engine}${way.name}: a new table routes new connections; those that are open stay where they are`, async () => {
    await using one = await way.listen(echo)
    await using two = await way.listen(say('two'))
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([one])]))
    const held = await way.open(port)
    held.write('before')
    assert.equal(await readBytes(held, 6), 'before')
    await plane.adopt(planOf([listenerOn(port, 0, { gateway: 'default/other' })], [clusterOf([two])]))
    assert.equal(await ask(port), 'two')
    held.end('after')
    assert.equal(await readAll(held), 'after')
  })

  test(`${engine}${way.name}: no connection is lost while tables change under load`, async () => {
    await using upstream = await way.listen(say('hi'))
    await using plane = way.engine(engine, 2)
    const [port, other] = [await freePort(), await freePort()]
    const cluster = clusterOf([upstream])
    await plane.adopt(planOf([listenerOn(port)], [cluster]))
    let swapping = true
    const clients = Array.from({ length: 4 }, async () => {
      let answers = 0
      for (; swapping; answers++) assert.equal(await ask(port), 'hi')
      return answers
    })
    for (let swap = 0; swap < 20; swap++) {
      const listeners = swap % 2 === 0 ? [listenerOn(other), listenerOn(port)] : [listenerOn(port)]
      await plane.adopt(planOf(listeners, [cluster]))
    }
    swapping = false
    const answers = (await Promise.all(clients)).reduce((sum, each) => sum + each, 0)
    await plane.settled()
    const { accepted, closed } = plane.counts
    assert.deepEqual([accepted, closed['client-closed'] + closed['upstream-closed']], [answers, answers])
  })

  test(`${engine}${way.name}: listeners are added, moved and taken away, and the others are left alone`, async () => {
    await using a = await way.listen(say('a'))
    await using b = await way.listen(say('b'))
    await using plane = way.engine(engine)
    const [first, second, third] = [await freePort(), await freePort(), await freePort()]
    const clusters = [clusterOf([a]), clusterOf([b])]
    await plane.adopt(planOf([listenerOn(first, 0)], clusters))
    await plane.adopt(planOf([listenerOn(second, 1), listenerOn(first, 0)], clusters))
    assert.deepEqual([await ask(first), await ask(second)], ['a', 'b'])
    await plane.adopt(planOf([listenerOn(first, 0), listenerOn(third, 1)], clusters))
    assert.deepEqual([await ask(first), await ask(third)], ['a', 'b'])
    assert.equal(await ending(way.begin(second)), 'ECONNREFUSED')
    await plane.adopt(planOf([], []))
    for (const port of [first, third]) assert.equal(await ending(way.begin(port)), 'ECONNREFUSED')
  })

  test(`${engine}${way.name}: many listeners that move at once delay nobody`, async () => {
    const many = 300
    await using upstream = await way.listen(echo)
    await using plane = way.engine(engine)
    const ports: number[] = []
    while (ports.length < 2 * many + 1) ports.push(await freePort())
    const stays = ports.pop() as number
    const planWith = (moving: readonly number[]) =>
      planOf(
        [...moving, stays].map(port => listenerOn(port)),
        [clusterOf([upstream])],
      )
    let [before, after] = [ports.slice(many), ports.slice(0, many)]
    await plane.adopt(planWith(after))
    const held = await way.open(stays)
    let isMoving = false
    /** How many bytes come back while the listeners move. */
    const echoes = async (): Promise<number> => {
      let count = 0
      for (isMoving = true; isMoving; count++) {
        held.write('x')
        await readBytes(held, 1)
      }
      return count
    }
    // This thread may not get to ask while they move, on a machine that is busy with other things.
    let most = 0
    for (let moves = 0; most < 5; moves++) {
      assert.ok(moves < 20, `${most} bytes came back while ${many} listeners moved`)
      const counted = echoes()
      ;[before, after] = [after, before]
      const [{ failures }] = await plane.adopt(planWith(after))
      isMoving = false
      assert.deepEqual(failures, [])
      most = Math.max(most, await counted)
    }
    held.destroy()
    for (const port of [after[0], after[many - 1], stays]) assert.equal(await ask(port), '')
    for (const port of [before[0], before[many - 1]])
      assert.equal(await ending(way.begin(port)), 'ECONNREFUSED')
  })

  test(`${engine}${way.name}: what waits in the queue of a listener that goes is still served`, async () => {
    await using upstream = await way.listen(say('hi'))
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const clients = await Promise.all(Array.from({ length: 50 }, () => way.open(port)))
    await plane.adopt(planOf([], []))
    for (const client of clients) client.end()
    assert.deepEqual(new Set(await Promise.all(clients.map(readAll))), new Set(['hi']))
  })

  test(`${engine}${way.name}: a listener that left and came back serves by the newest table, whichever socket accepts`, async () => {
    await using one = await way.listen(say('one'))
    await using two = await way.listen(say('two'))
    await using plane = way.engine(engine)
    const port = await freePort()
    const servers = [one, two] as const
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([one])]))
    let served = 0
    for (let round = 1; round <= (way.isIn ? sized(4, 20) : 20); round++) {
      const adopting = [
        plane.adopt(planOf([], [])),
        plane.adopt(planOf([listenerOn(port)], [clusterOf([servers[round % 2]])])),
      ]
      // As long as some come, the old socket is not closed; one that comes in between is refused.
      const answers = await Promise.all(Array.from({ length: 40 }, () => askOf(way.begin(port))))
      const heard = answers.filter(answer => answer !== '')
      assert.deepEqual(new Set(heard), new Set(heard.length > 0 ? [['one', 'two'][round % 2]] : []))
      served += heard.length
      await Promise.all(adopting)
    }
    assert.ok(served > 0)
  })

  test(`${engine}${way.name}: a port that is taken is reported, and served as soon as it is free`, async () => {
    await using upstream = await way.listen(say('hi'))
    await using plane = way.engine(engine)
    const taken = await way.listen(() => {}, { port: await freePort() }) // nobody's once it is free
    const plan = planOf([listenerOn(taken.port)], [clusterOf([upstream])])
    const [{ failures }] = await plane.adopt(plan)
    assert.deepEqual(
      failures.map(({ listener, code }) => [listener, code]),
      [[`default/test 127.0.0.1:${taken.port}`, 'EADDRINUSE']],
    )
    await taken[Symbol.asyncDispose]()
    await until(() => plane.listening[0].at(-1)?.failures.length === 0)
    assert.equal(plane.listening[0].length, 2)
    assert.equal(await ask(taken.port), 'hi')
  })

  test(`${engine}${way.name}: an address that this machine does not have is reported`, async () => {
    await using plane = way.engine(engine)
    const listener = listenerOn(await freePort(), 0, { bind: '192.0.2.1' })
    const [{ failures }] = await plane.adopt(planOf([listener], [clusterOf([])]))
    assert.deepEqual(
      failures.map(each => each.code),
      ['EADDRNOTAVAIL'],
    )
  })

  test(`${engine}${way.name}: every address means IPv4 and IPv6, and a mapped address is the IPv4 one`, async (t: TestContext) => {
    const upstream = await way.listen(say('six'), { host: '::1' }).catch(() => null)
    if (!upstream) return t.skip('there is no IPv6 here')
    await using four = await way.listen(say('four'))
    await using plane = way.engine(engine)
    const port = await freePort()
    const rule: Rule = {
      origin: { virtualService: 'default/vs', block: 'tcp', route: 0, match: 0, file: 'a.yaml', line: 1 },
      port: 0,
      route: 1,
      never: null,
      destinations: [],
      clients: [parseCidr('127.0.0.0/8') as Rule['clients'][number]],
      source: { namespace: null, labels: {}, visibleTo: null },
    }
    const scopes = [{ host: '', port: 0, addresses: [], rules: [rule], defaultRoute: 0 }]
    const clusters = [clusterOf([upstream]), clusterOf([four])]
    await plane.adopt(planOf([listenerOn(port, 0, { bind: '', scopes })], clusters))
    assert.deepEqual([await ask(port, '127.0.0.1'), await ask(port, '::1')], ['four', 'six'])
    await upstream[Symbol.asyncDispose]()
  })

  test(`${engine}${way.name}: a drain lets connections end, refuses new ones and then ends the worker`, async () => {
    await using upstream = await way.listen(greet('hi'))
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const client = await way.open(port)
    assert.equal(await readBytes(client, 2), 'hi')
    plane.order({ kind: 'drain', timeoutMs: 60_000 })
    let refused = false
    while (!refused) refused = (await ending(way.begin(port).end())) === 'ECONNREFUSED'
    const { accepted } = plane.counts
    client.end()
    assert.equal(await readAll(client), '')
    await plane.finished()
    await until(() => plane.drained.length === 1)
    assert.equal(plane.drained[0].reset, 0)
    const { closed } = plane.counts
    assert.ok(closed['client-closed'] > 0)
    const all = Object.values(closed).reduce((sum, each) => sum + each, 0)
    const told = JSON.stringify(closed)
    assert.deepEqual([all, closed.drain + closed.stop], [accepted, 0], told)
    // A TLS client that ends at once leaves amid its handshake, or does not read its ticket.
    if (way.name === '') assert.equal(closed['client-closed'], accepted, told)
  })

  test(`${engine}${way.name}: a drain resets what is left when its time is over`, async () => {
    await using upstream = await way.listen(greet('hi'))
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const client = await way.open(port)
    assert.equal(await readBytes(client, 2), 'hi')
    plane.order({ kind: 'drain', timeoutMs: 20 })
    assert.equal(await ending(client), 'ECONNRESET')
    await plane.finished()
    await until(() => plane.drained.length === 1)
    assert.deepEqual(plane.drained, [{ kind: 'drained', closed: 0, reset: 1 }])
    assert.deepEqual([plane.counts.closed.drain, plane.counts.open], [1, 0])
  })

  test(`${engine}${way.name}: told to stop, a worker resets everything and ends`, async () => {
    await using upstream = await way.listen(greet('hi'))
    await using plane = way.engine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream])]))
    const client = await way.open(port)
    assert.equal(await readBytes(client, 2), 'hi')
    plane.order({ kind: 'stop' })
    assert.equal(await ending(client), 'ECONNRESET')
    await plane.finished()
    assert.deepEqual([plane.counts.closed.stop, plane.counts.open], [1, 0])
  })

  test(`${engine}${way.name}: a bug ends the worker loudly`, async () => {
    await using plane = way.engine(engine)
    const none = new SharedArrayBuffer(4)
    const table = { routing: none, endpoints: none, clients: none }
    plane.order({ kind: 'table', epoch: 1, generation: 1, table })
    await assert.rejects(plane.finished(), /bug in weir: not a table/)
  })
}
