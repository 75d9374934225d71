/**
 * Goal: it shows how long a server takes to say its first byte, and which servers accept and never
 * speak. Method: a server that greets and one that does not, behind real workers.
 */

import assert from 'node:assert/strict'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { freePort, greet, listen, open, readBytes, until } from '../support/sockets.ts'

for (const { engine, test } of ENGINES) {
  test(`${engine}: a server's first byte is timed once, and a server without one is counted`, async () => {
    await using speaking = await listen(greet('hello'))
    let accepted = 0
    await using silent = await listen(socket => {
      accepted++
      socket.resume()
      socket.on('end', () => socket.end())
    })
    await using plane = new TestEngine(engine)
    const [a, b] = [await freePort(), await freePort()]
    const clusters = [clusterOf([speaking], {}, 'speaking'), clusterOf([silent], {}, 'silent')]
    await plane.adopt(planOf([listenerOn(a, 0), listenerOn(b, 1)], clusters))
    const { observer } = plane
    const totals = () =>
      Object.fromEntries(
        observer
          .totals()
          .map(({ name, silent, closed }) => [name.destination?.host ?? 'none', [closed, silent]]),
      )

    const first = await open(a)
    assert.equal(await readBytes(first, 5), 'hello')
    first.write('more, please')
    const second = await open(b)
    second.write('are you there?')
    await until(() => accepted === 1)
    await until(() => plane.counts.clientBytes === 26)
    first.destroy()
    second.destroy()
    await plane.settled()
    assert.equal(observer.histogram('firstByte').count, 1)
    assert.deepEqual(totals(), { none: [0, 0], speaking: [1, 0], silent: [1, 1] })
  })
}
