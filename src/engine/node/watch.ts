/**
 * Notices a reset by a side that Node does not read: its bytes wait for the other side, or it has
 * ended. libuv asks the kernel only about sockets that it reads or writes, so the reset would go
 * unnoticed.
 *
 * So weir polls such sockets once a second, all at once (kernel/poll.ts). A connection says when it
 * has one, and the first look that finds none forgets it, so no other is looked at. Without
 * node:ffi weir cannot: then only the idle timeout, or a byte for that side, ends such a
 * connection.
 */

import type { Socket } from 'node:net'
import { errnoName } from '../../kernel/errno.ts'
import { descriptorOf } from './descriptor.ts'
import { type Direct, direct } from './direct.ts'
import { SIDES, type SideName } from './pair.ts'

const EVERY_MS = 1000

/** A connection, as far as this module needs it. */
export type Watched = {
  readonly unheard: (side: SideName) => Socket | null
  readonly isOver: (side: SideName, stillMs: number) => boolean
  readonly fail: (side: SideName, error: { code: string; errno: number }) => void
}

type Asked = { readonly connection: Watched; readonly side: SideName }

export class Watch {
  readonly #unheard = new Set<Watched>()
  readonly #direct: Direct | null = direct()
  readonly #timer: NodeJS.Timeout | undefined

  constructor() {
    if (this.#direct) this.#timer = setInterval(this.#look, EVERY_MS)
  }

  /** A side of it may not be read from now on. */
  readonly add = (connection: Watched): void => {
    if (this.#direct) this.#unheard.add(connection)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  readonly #look = (): void => {
    if (!this.#direct) return
    const { poll, sockets } = this.#direct
    const asked: Asked[] = []
    const fds: number[] = []
    for (const connection of this.#unheard) {
      const before = asked.length
      for (const side of SIDES) {
        const socket = connection.unheard(side)
        const fd = socket ? descriptorOf(socket) : -1
        if (fd < 0) continue
        asked.push({ connection, side })
        fds.push(fd)
      }
      if (asked.length === before) this.#unheard.delete(connection)
    }
    poll.failed(fds, index => {
      const { connection, side } = asked[index]
      if (!connection.isOver(side, EVERY_MS)) return
      const errno = sockets.pendingError(fds[index])
      connection.fail(side, { errno, code: errno === 0 ? 'ECONNRESET' : errnoName(errno) })
    })
  }
}
