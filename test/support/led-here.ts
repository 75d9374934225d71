/**
 * Runs inside a network namespace that has the addresses 10.9.9.8 and 10.9.9.9, too: prints by what
 * listeners that are reached at a loopback address send to clients of each address, from when they
 * carry bulk. The last address is another host's by then.
 */

import { execFileSync } from 'node:child_process'
import { parseAddress } from '../../src/address/address.ts'
import { Arena } from '../../src/kernel/arena.ts'
import { bind, connect } from '../../src/kernel/libc.ts'
import { createSocketName, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { acceptWaiting, Sockets } from '../../src/kernel/sockets.ts'
import { Congestion } from './congestion.ts'
import { descriptor, opened } from './uring.ts'

const wordsOf = (text: string) => parseAddress(text)?.words ?? []

const arena = opened(Arena.map(65_536))
const sockets = new Sockets(arena)
const congestion = new Congestion(arena)
const at = arena.take(32)
const servers = ['127.0.0.1', '0.0.0.0'].flatMap(listens => {
  const listener = descriptor(sockets.listen(4, wordsOf(listens), 0, { backlog: 8, dualStack: false }))
  sockets.unpace(listener)
  const name = createSocketName()
  sockets.localName(listener, name)
  return ['127.0.0.1', '10.9.9.8', '10.9.9.9'].map(from => {
    const client = descriptor(sockets.dial(4, false))
    descriptor(bind(client, arena.pointer(at), writeSocketAddress(arena, at, 4, wordsOf(from), 0)))
    const bytes = writeSocketAddress(arena, at, 4, wordsOf('127.0.0.1'), name.port)
    descriptor(connect(client, arena.base + at, bytes))
    return { listens, from, server: descriptor(acceptWaiting(listener)) }
  })
})
execFileSync('ip', ['address', 'delete', '10.9.9.9/32', 'dev', 'lo'])
for (const { listens, from, server } of servers) {
  const before = congestion.of(server)
  sockets.unpace(server)
  process.stdout.write(`${listens} ${from} ${before} ${congestion.of(server)}\n`)
}
