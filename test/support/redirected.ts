/**
 * Runs inside a network namespace that redirects port 8080 to 15001: prints what each listener
 * finds out.
 */

import { formatAddress, parseAddress } from '../../src/address/address.ts'
import { createSocketName, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { closeSocket, Sockets } from '../../src/kernel/sockets.ts'
import { prepareAccept, prepareCancelAll, prepareConnect } from '../../src/kernel/uring/prepare.ts'
import { collect, descriptor, withRing } from './uring.ts'

const CASES = [
  ['127.0.0.1', '127.9.9.9'],
  ['::', '127.9.9.9'],
  ['::', '::1'],
]

withRing({}, (ring, arena) => {
  const sockets = new Sockets(arena)
  const at = arena.take(32)
  for (const [bound, dialled] of CASES) {
    const from = parseAddress(bound)
    const to = parseAddress(dialled)
    if (!from || !to) throw new Error('an address')
    const listener = descriptor(
      sockets.listen(from.family, from.words, 15001, { backlog: 8, dualStack: true }),
    )
    const client = descriptor(sockets.dial(to.family, false))
    prepareAccept(ring, listener, 1, 0)
    prepareConnect(ring, client, at, writeSocketAddress(arena, at, to.family, to.words, 8080), 2, 0)
    const server = descriptor(collect(ring, 2).find(({ word }) => word === 1)?.result ?? -1)
    const name = createSocketName()
    sockets.localName(server, name)
    const result = sockets.originalDestination(server, name)
    const address = name.family === 0 ? 'none' : formatAddress(name.family, name.words)
    process.stdout.write(`${result} ${address} ${name.port}\n`)
    prepareCancelAll(ring, listener, 3, 0)
    collect(ring, 2)
    for (const fd of [client, server, listener]) closeSocket(fd)
  }
})
