/**
 * A datagram socket to a service manager: sd_notify(3) without its library, as Node has no UNIX
 * datagram sockets.
 */

import { Arena } from './arena.ts'
import { Errno, errnoName } from './errno.ts'
import * as libc from './libc.ts'

const AF_UNIX = 1
/** SOCK_DGRAM | SOCK_CLOEXEC: socket(2). */
const DATAGRAM = 2 | 0x80000
/** MSG_DONTWAIT | MSG_NOSIGNAL: send(2). */
const SEND_FLAGS = 0x40 | 0x4000

/** unix(7): sa_family_t and sun_path. */
const FAMILY_BYTES = 2
const PATH_BYTES = 108

const MESSAGE_BYTES = 1024

const encoder = new TextEncoder()

export class NotifySocket {
  readonly #fd: number
  readonly #arena: Arena
  readonly #at: number

  private constructor(fd: number, arena: Arena) {
    this.#fd = fd
    this.#arena = arena
    this.#at = arena.take(MESSAGE_BYTES)
  }

  /**
   * Connects to the socket that `NOTIFY_SOCKET` names: a path, or `@` and an abstract name.
   *
   * @returns The reason in words if that cannot be.
   */
  static open(name: string): NotifySocket | string {
    if (libc.missing !== '') return libc.missing
    const opened = NotifySocket.#connect(name)
    return typeof opened === 'number' ? errnoName(opened) : opened
  }

  /** −errno: −ENOENT, −ECONNREFUSED, −EINVAL for a name of another kind or length. */
  static #connect(name: string): NotifySocket | number {
    const path = encoder.encode(name)
    if (!/^[/@]./.test(name) || path.length > PATH_BYTES) return -Errno.EINVAL
    const arena = Arena.map(4096)
    if (typeof arena === 'number') return arena
    const at = arena.take(FAMILY_BYTES + PATH_BYTES)
    arena.u16[at / 2] = AF_UNIX
    arena.u8.set(path, at + FAMILY_BYTES)
    if (name.startsWith('@')) arena.u8[at + FAMILY_BYTES] = 0
    const fd = libc.socket(AF_UNIX, DATAGRAM, 0)
    const connected = fd < 0 ? fd : libc.connect(fd, arena.base + at, FAMILY_BYTES + path.length)
    if (connected >= 0) return new NotifySocket(fd, arena)
    if (fd >= 0) libc.close(fd)
    arena.unmap()
    return connected
  }

  /** Sends lines `NAME=value`; 0 or −errno: −EAGAIN if the reader's queue is full. */
  send(lines: readonly string[]): number {
    const { written } = encoder.encodeInto(
      lines.join('\n'),
      this.#arena.u8.subarray(this.#at, this.#at + MESSAGE_BYTES),
    )
    const sent = libc.send(this.#fd, this.#arena.pointer(this.#at), written, SEND_FLAGS)
    return Math.min(sent, 0)
  }

  close(): void {
    libc.close(this.#fd)
    this.#arena.unmap()
  }
}
