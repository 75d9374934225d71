/**
 * Goal: endpoints change while the generation is served, and no connection, listener or inbox
 * notices but by where it goes. Method: real workers; endpoints are swapped under connections that
 * are open, that are dialing, and that come all the time.
 */

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { begin, ending, freePort, greet, listen, open, readAll, readBytes, say } from '../support/sockets.ts'

/** Connections, and milliseconds between two of them: 64 a second. */
const COMING = 64
const EVERY_MS = 1000 / 64

/** All that a new connection is told. */
async function answer(port: number): Promise<string> {
  const client = await open(port)
  const text = await readAll(client)
  client.destroy()
  return text
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: new connections go to the new endpoints, open ones stay, listeners are not touched`, async () => {
    await using before = await listen(greet('before'))
    await using after = await listen(say('after'))
    await using plane = new TestEngine(engine, 2)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([before])]))
    const client = await open(port)
    assert.equal(await readBytes(client, 6), 'before')
    const listened = plane.listening.map(list => list.length)
    await plane.reviseEndpoints(0, [after])
    assert.equal(await answer(port), 'after')
    assert.deepEqual(
      plane.listening.map(list => list.length),
      listened,
    )
    for (const worker of [0, 1]) {
      if (engine !== 'node') assert.ok(plane.inboxes.isOpen(worker, 1), 'connections are still handed over')
    }
    client.destroy()
    await plane.settled()
    const counted = plane.observer.totals().filter(({ opened }) => opened > 0)
    assert.deepEqual(
      counted.map(({ name, opened }) => [name.endpoint, opened]).sort(),
      [before, after].map(({ port }) => [`127.0.0.1:${port}`, 1]).sort(),
    )
  })

  test(`${engine}: without endpoints a connection is reset as no-endpoint, until there are some again`, async () => {
    await using upstream = await listen(say('hi'))
    await using plane = new TestEngine(engine)
    const port = await freePort()
    await plane.adopt(planOf([listenerOn(port)], [clusterOf([upstream]), clusterOf([upstream])]))
    await plane.reviseEndpoints(0, [])
    assert.equal(await ending(begin(port)), 'ECONNRESET')
    await plane.closed('no-endpoint')
    await plane.reviseEndpoints(0, [upstream])
    assert.equal(await answer(port), 'hi')
    await plane.settled()
  })

  test(`${engine}: endpoints that change all the time under connections that come all the time lose none`, async () => {
    await using one = await listen(say('hi'), { host: '0.0.0.0' })
    await using two = await listen(say('hi'), { host: '0.0.0.0' })
    const refusing = { address: '127.0.0.1', port: await freePort() }
    // Runs of other lengths, so that a row of one part is another endpoint, or none, in the next.
    const sets = [
      [refusing, one],
      [two],
      [{ ...one, address: '127.0.0.2' }, refusing, { ...two, address: '127.0.0.3' }],
    ]
    await using plane = new TestEngine(engine, 2)
    const port = await freePort()
    const before = clusterOf(
      [two, two, two].map((each, index) => ({ ...each, address: `127.0.1.${index + 1}` })),
    )
    await plane.adopt(planOf([listenerOn(port, 1)], [before, clusterOf(sets[0])]))
    let ended = false
    const changing = (async () => {
      for (let round = 1; !ended; round++) {
        await plane.reviseEndpoints(round % 2, sets[round % sets.length])
        await pause(1)
      }
    })()
    const answers: Promise<string>[] = []
    for (let count = 0; count < COMING; count++) {
      answers.push(answer(port))
      await pause(EVERY_MS)
    }
    assert.deepEqual(
      await Promise.all(answers),
      answers.map(() => 'hi'),
    )
    ended = true
    await changing
    await plane.settled()
    assert.deepEqual(plane.counts.closed['connect-refused'], 0)
  })
}
