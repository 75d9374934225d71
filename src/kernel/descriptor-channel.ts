/**
 * A channel between two processes of this machine that passes messages, and open descriptors along
 * with them: a UNIX socket of type SOCK_SEQPACKET, which keeps messages whole, with SCM_RIGHTS
 * (unix(7)). Node passes descriptors only to processes that it has started itself.
 *
 * Its name is abstract: it is no file, and gone when nobody has it open. Nothing here waits:
 * −EAGAIN says that nothing has come, or that there is no room.
 */

import { Arena } from './arena.ts'
import { Errno, errnoName } from './errno.ts'
import * as libc from './libc.ts'
import { Sockets } from './sockets.ts'

const AF_UNIX = 1
/** SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC: socket(2), accept4(2). */
const SEQPACKET = 5 | 0x800 | 0x80000
const ACCEPT_FLAGS = 0x800 | 0x80000
/** MSG_DONTWAIT | MSG_NOSIGNAL: send(2). */
const SEND_FLAGS = 0x40 | 0x4000
/** MSG_DONTWAIT | MSG_CMSG_CLOEXEC: recvmsg(2). */
const RECEIVE_FLAGS = 0x40 | 0x40000000
/** MSG_TRUNC | MSG_CTRUNC. */
const CUT = 0x20 | 0x8

/** unix(7): sa_family_t and sun_path. */
const FAMILY_BYTES = 2
const PATH_BYTES = 108

/** Of one message; the kernel takes 208 KiB by default (net.core.wmem_default). */
const MESSAGE_BYTES = 131_072
/** Descriptors of one message; the kernel takes 253 (SCM_MAX_FD). */
export const DESCRIPTORS_MAX = 128

/** struct msghdr, struct iovec and struct cmsghdr, of 64 bits. */
const Header = { iov: 16, iovLength: 24, control: 32, controlLength: 40, flags: 48, BYTES: 56 } as const
const Control = { length: 0, level: 8, type: 12, data: 16 } as const
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

const encoder = new TextEncoder()
const decoder = new TextDecoder()

type Received = { readonly text: string; readonly fds: readonly number[] }

export class DescriptorChannel {
  readonly #fd: number
  readonly #arena: Arena
  readonly #sockets: Sockets
  readonly #header: number
  readonly #iov: number
  readonly #control: number
  readonly #data: number
  #isOpen = true

  private constructor(fd: number, arena: Arena) {
    this.#fd = fd
    this.#arena = arena
    this.#sockets = new Sockets(arena)
    this.#header = arena.take(Header.BYTES)
    this.#iov = arena.take(16)
    this.#control = arena.take(Control.data + 4 * DESCRIPTORS_MAX)
    this.#data = arena.take(MESSAGE_BYTES)
  }

  /** Waits for one other process; or why that cannot be, in words or the name of an errno. */
  static listen(name: string): DescriptorChannel | string {
    return opened(name, (fd, address, bytes) => {
      const bound = libc.bind(fd, address, bytes)
      return bound < 0 ? bound : libc.listen(fd, 1)
    })
  }

  /** The same; ECONNREFUSED: nobody has this name, or only in another network namespace. */
  static connect(name: string): DescriptorChannel | string {
    return opened(name, (fd, address, bytes) => libc.connect(fd, Number(address), bytes))
  }

  static of(fd: number): DescriptorChannel | number {
    const arena = Arena.map(MESSAGE_BYTES + 16_384)
    if (typeof arena !== 'number') return new DescriptorChannel(fd, arena)
    libc.close(fd)
    return arena
  }

  /** The process that has connected. */
  accept(): DescriptorChannel | number {
    const fd = libc.accept4(this.#fd, ACCEPT_FLAGS)
    return fd < 0 ? fd : DescriptorChannel.of(fd)
  }

  /** Who is at the other end, as the kernel noted it: −errno if it does not say. */
  get peer(): { readonly pid: number; readonly uid: number } {
    return { pid: this.#sockets.peerPid(this.#fd), uid: this.#sockets.peerUid(this.#fd) }
  }

  /** Sends a message; 0, or −errno: −EAGAIN, −EPIPE, −EMSGSIZE. */
  send(text: string, fds: readonly number[] = []): number {
    const { u8, u32, i32 } = this.#arena
    const bytes = encoder.encode(text)
    if (bytes.length > MESSAGE_BYTES || fds.length > DESCRIPTORS_MAX) return -Errno.EMSGSIZE
    u8.set(bytes, this.#data)
    const controlBytes = fds.length === 0 ? 0 : Control.data + 4 * fds.length
    u32[(this.#control + Control.length) / 4] = controlBytes
    i32[(this.#control + Control.level) / 4] = SOL_SOCKET
    i32[(this.#control + Control.type) / 4] = SCM_RIGHTS
    i32.set(fds, (this.#control + Control.data) / 4)
    return Math.min(libc.sendmsg(this.#fd, this.#prepare(bytes.length, controlBytes), SEND_FLAGS), 0)
  }

  /**
   * The next message; null at the end. −EAGAIN: none has come yet. −EMFILE: this process may not
   * open as many descriptors as came along; they are closed.
   */
  receive(): Received | null | number {
    const pointer = this.#prepare(MESSAGE_BYTES, Control.data + 4 * DESCRIPTORS_MAX)
    const bytes = libc.recvmsg(this.#fd, pointer, RECEIVE_FLAGS)
    if (bytes === -Errno.ECONNRESET) return null // it ended with a message of ours unread
    if (bytes < 0) return bytes
    const fds = this.#received()
    if ((this.#arena.u32[(this.#header + Header.flags) / 4] & CUT) !== 0) {
      for (const fd of fds) libc.close(fd)
      return -Errno.EMFILE
    }
    if (bytes === 0) return null
    return { text: decoder.decode(this.#arena.u8.slice(this.#data, this.#data + bytes)), fds }
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    libc.close(this.#fd)
    this.#arena.unmap()
  }

  /** Writes the header of a message; its address. */
  #prepare(bytes: number, controlBytes: number): bigint {
    const { u8 } = this.#arena
    u8.fill(0, this.#header, this.#header + Header.BYTES)
    this.#address(this.#header + Header.iov, this.#iov)
    this.#size(this.#header + Header.iovLength, 1)
    this.#address(this.#iov, this.#data)
    this.#size(this.#iov + 8, bytes)
    if (controlBytes > 0) this.#address(this.#header + Header.control, this.#control)
    this.#size(this.#header + Header.controlLength, controlBytes)
    return this.#arena.pointer(this.#header)
  }

  #received(): number[] {
    const { u32, i32 } = this.#arena
    if (u32[(this.#header + Header.controlLength) / 4] < Control.data) return []
    if (i32[(this.#control + Control.type) / 4] !== SCM_RIGHTS) return []
    const count = (u32[(this.#control + Control.length) / 4] - Control.data) / 4
    const first = (this.#control + Control.data) / 4
    return [...i32.subarray(first, first + count)]
  }

  #address(at: number, to: number): void {
    const address = this.#arena.base + to
    this.#arena.u32[at / 4] = address
    this.#arena.u32[at / 4 + 1] = Math.floor(address / 2 ** 32)
  }

  #size(at: number, bytes: number): void {
    this.#arena.u32[at / 4] = bytes
    this.#arena.u32[at / 4 + 1] = 0
  }
}

/** A socket that `use` has bound to, or connected with, an abstract name. */
function opened(
  name: string,
  use: (fd: number, address: bigint, bytes: number) => number,
): DescriptorChannel | string {
  if (libc.missing !== '') return libc.missing
  const arena = Arena.map(4096)
  if (typeof arena === 'number') return errnoName(arena)
  const at = arena.take(FAMILY_BYTES + PATH_BYTES)
  const path = encoder.encode(name).subarray(0, PATH_BYTES - 1)
  arena.u16[at / 2] = AF_UNIX
  arena.u8.set(path, at + FAMILY_BYTES + 1) // behind a zero: it is abstract
  const fd = libc.socket(AF_UNIX, SEQPACKET, 0)
  const result = fd < 0 ? fd : use(fd, arena.pointer(at), FAMILY_BYTES + 1 + path.length)
  arena.unmap()
  const channel = result < 0 ? result : DescriptorChannel.of(fd)
  if (typeof channel !== 'number') return channel
  if (fd >= 0 && result < 0) libc.close(fd)
  return errnoName(channel)
}
