/**
 * Runs inside a network namespace that has the address 10.9.9.9, too: prints by what a listener on
 * a loopback address sends to clients of both addresses, from when they carry bulk.
 */

import { parseAddress } from '../../src/address/address.ts'
import { Arena } from '../../src/kernel/arena.ts'
import { bind, connect } from '../../src/kernel/libc.ts'
import { createSocketName, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { acceptWaiting, closeSocket, Sockets } from '../../src/kernel/sockets.ts'
import { Congestion } from './congestion.ts'
import { descriptor, opened } from './uring.ts'

const wordsOf = (text: string) => parseAddress(text)?.words ?? []

const arena = opened(Arena.map(65_536))
const sockets = new Sockets(arena)
const congestion = new Congestion(arena)
const at = arena.take(32)
const listener = descriptor(sockets.listen(4, wordsOf('127.0.0.1'), 0, { backlog: 8, dualStack: false }))
sockets.unpace(listener)
const name = createSocketName()
sockets.localName(listener, name)
for (const from of ['127.0.0.1', '10.9.9.9']) {
  const client = descriptor(sockets.dial(4, false))
  descriptor(bind(client, arena.pointer(at), writeSocketAddress(arena, at, 4, wordsOf(from), 0)))
  const bytes = writeSocketAddress(arena, at, 4, wordsOf('127.0.0.1'), name.port)
  descriptor(connect(client, arena.base + at, bytes))
  const server = descriptor(acceptWaiting(listener))
  const before = congestion.of(server)
  sockets.unpace(server)
  process.stdout.write(`${from} ${before} ${congestion.of(server)}\n`)
  for (const fd of [client, server]) closeSocket(fd)
}
