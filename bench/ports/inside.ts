/**
 * Connects to one endpoint again and again, in a network namespace of its own, and leaves each
 * connection in TIME_WAIT, as a gateway does whose clients end first. It prints a line for each
 * number of those that are left.
 *
 *   node inside.ts any|system PROBES FLOWS…     (../ports.ts runs it)
 *
 * any: as weir dials; system: as the kernel chooses ports by itself.
 */

import { Arena } from '../../src/kernel/arena.ts'
import * as libc from '../../src/kernel/libc.ts'
import { createSocketName, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { Sockets } from '../../src/kernel/sockets.ts'
import { LOOPBACK, opened } from '../load/loopback.ts'

export type Searched = { readonly flows: number; readonly ns: readonly number[] }

const [way, probes, ...flows] = process.argv.slice(2)
const AF_INET = 2
const SOCK_STREAM_CLOEXEC = 1 | 0x80000

const arena = opened(Arena.map(65_536))
const sockets = new Sockets(arena)
const listener = opened(sockets.listen(4, LOOPBACK, 0, { backlog: 4096, dualStack: false }))
const name = createSocketName()
sockets.localName(listener, name)
const address = arena.take(64)
const addressBytes = writeSocketAddress(arena, address, 4, LOOPBACK, name.port)

/** The time of connect(2), which includes the handshake over loopback; the same at any number. */
function connect(end: (own: number, peer: number) => void): number {
  const fd = opened(way === 'any' ? sockets.dial(4, false) : libc.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0))
  const began = process.hrtime.bigint()
  const result = libc.connect(fd, arena.base + address, addressBytes)
  const ns = Number(process.hrtime.bigint() - began)
  if (result < 0) throw new Error(`connect: ${result}`)
  end(fd, opened(libc.accept4(listener, 0x80000)))
  return ns
}

const reset = (own: number, peer: number): void => {
  sockets.resetClose(own)
  sockets.close(peer)
}
/** The first end stays in TIME_WAIT. */
const leave = (own: number, peer: number): void => {
  sockets.close(own)
  sockets.close(peer)
}

for (let warm = 0; warm < Number(probes); warm++) connect(reset)
let left = 0
for (const each of flows.map(Number)) {
  for (; left < each; left++) connect(leave)
  const ns = Array.from({ length: Number(probes) }, () => connect(reset))
  console.log(JSON.stringify({ flows: each, ns } satisfies Searched))
}
