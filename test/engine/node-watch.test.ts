/**
 * Goal: once a second `node` checks only connections that asked for it, however many there are.
 * Method: connections that only count their checks.
 */

import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { Watch, type Watched } from '../../src/engine/node/watch.ts'
import { missing } from '../../src/kernel/libc.ts'
import { listen } from '../support/sockets.ts'

test('a look asks those that told, and forgets who has nothing unheard any more', async t => {
  if (missing !== '') return t.skip('there is no node:ffi')
  t.mock.timers.enable({ apis: ['setInterval'] })
  await using server = await listen(() => {})
  const socket = connect(server.port, '127.0.0.1')
  t.after(() => socket.destroy())
  await new Promise(resolve => socket.once('connect', resolve))
  const asked = [0, 0, 0]
  const unheard: (Socket | null)[] = [null, socket, null]
  const connections = asked.map((_, index) => ({
    unheard(side: string) {
      if (side === 'client') asked[index]++
      return side === 'client' ? unheard[index] : null
    },
  }))
  const watch = new Watch()
  t.after(() => watch.end())
  t.mock.timers.tick(1000)
  assert.deepEqual(asked, [0, 0, 0])
  for (const index of [0, 1]) watch.add(connections[index] as unknown as Watched)
  t.mock.timers.tick(3000)
  assert.deepEqual(asked, [1, 3, 0])
  unheard[1] = null
  t.mock.timers.tick(2000)
  assert.deepEqual(asked, [1, 4, 0])
})
