/** Whether descriptors that another process has passed are the listening sockets that it says. */

import { Arena } from './arena.ts'
import { close } from './libc.ts'
import { createSocketName } from './socket-address.ts'
import { Sockets } from './sockets.ts'

export class PassedSockets {
  readonly #sockets: Sockets | null
  readonly #name = createSocketName()

  constructor() {
    const arena = Arena.map(4096)
    this.#sockets = typeof arena === 'number' ? null : new Sockets(arena)
  }

  /** Whether `fd` listens at this port. */
  listensAt(fd: number, port: number): boolean {
    if (this.#sockets === null || !this.#sockets.isListening(fd)) return false
    return this.#sockets.localName(fd, this.#name) === 0 && this.#name.port === port
  }

  /** This process has no use for it. */
  close(fd: number): void {
    if (fd >= 0) close(fd)
  }
}
