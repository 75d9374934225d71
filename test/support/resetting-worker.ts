/** A worker as it is, but that dies of the first connection that it has reset: its client knows. */

import { Socket } from 'node:net'
import { EpollSockets } from '../../src/kernel/epoll/sockets.ts'
import { Sockets } from '../../src/kernel/sockets.ts'

function dieAfter<Name extends string>(
  calls: Record<Name, (...given: never[]) => unknown>,
  name: Name,
): void {
  const call = calls[name]
  calls[name] = function (this: unknown, ...given: never[]): never {
    call.apply(this, given)
    throw new Error('unlucky')
  }
}

dieAfter(Sockets.prototype, 'resetClose')
dieAfter(EpollSockets.prototype, 'resetClose')
dieAfter(Socket.prototype, 'resetAndDestroy')

export { default } from '../../src/engine/worker/worker.ts'
