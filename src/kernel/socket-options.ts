/**
 * Options of sockets, by setsockopt(2) and getsockopt(2).
 *
 * The numbers are those of the generic ABI, which x86-64 and arm64 share.
 */

import type { Arena } from './arena.ts'
import type { Keepalive } from './kernel.ts'
import * as libc from './libc.ts'

export const SOCK_STREAM_CLOEXEC = 1 | 0x80000

/** setsockopt(2): `[level, name]`; socket(7), tcp(7), ipv6(7). */
export const SO_REUSEADDR = [1, 2] as const
const SO_ERROR = [1, 4] as const
/** struct ucred: pid, uid, gid; socket(7). */
const SO_PEERCRED = [1, 17] as const
const UCRED_BYTES = 12
const SO_KEEPALIVE = [1, 9] as const
const SO_LINGER = [1, 13] as const
export const SO_REUSEPORT = [1, 15] as const
const SO_ACCEPTCONN = [1, 30] as const
export const TCP_NODELAY = [6, 1] as const
const TCP_KEEPIDLE = [6, 4] as const
const TCP_KEEPINTVL = [6, 5] as const
const TCP_KEEPCNT = [6, 6] as const
const TCP_INFO = [6, 11] as const
const TCP_QUICKACK = [6, 12] as const
const TCP_USER_TIMEOUT = [6, 18] as const
/** A name, of 16 bytes with the zero at its end (TCP_CA_NAME_MAX in net/tcp.h). */
const TCP_CONGESTION = [6, 13] as const
const CONGESTION_BYTES = 16
/** Of `bbr`, and of its later versions. */
const BBR = Buffer.from('bbr')
const RENO = Buffer.from('reno')
const NO_CONTROL = new Uint8Array()
export const IPV6_V6ONLY = [41, 26] as const
/**
 * Linux 6.3. The value is the highest port in the upper half, the lowest in the lower one; both
 * beyond the system's range, which then holds (inet_sk_get_local_port_range).
 */
const IP_LOCAL_PORT_RANGE = [0, 51] as const
const ALL_PORTS = (0xffff << 16) | 1

/** The position of tcpi_unacked in struct tcp_info, and the bytes to read for it (linux/tcp.h). */
const UNACKED_AT = 24
const INFO_BYTES = 28

/** What the kernel takes at most. */
const KEEPALIVE_S_MAX = 32_767
const KEEPALIVE_PROBES_MAX = 127

type Option = readonly [level: number, name: number]

export class SocketOptions {
  protected readonly arena: Arena
  /** Room for a socket address, or for what an option is. */
  protected readonly place: number
  protected readonly placePointer: bigint
  /** Room for a value, or for a length. */
  protected readonly value: number
  protected readonly valuePointer: bigint
  /** False once the kernel has refused IP_LOCAL_PORT_RANGE. */
  #hasRange = true
  /** What paces new sockets; empty: nothing does. null: nobody has asked yet. */
  #hostControl: Uint8Array | null = null

  constructor(arena: Arena) {
    this.arena = arena
    this.place = arena.take(64)
    this.placePointer = arena.pointer(this.place)
    this.value = arena.take(8)
    this.valuePointer = arena.pointer(this.value)
  }

  /**
   * Without it connect(2) tries all even ports before an odd one, one after the other: with 20 000
   * flows to one endpoint, TIME_WAIT included, that takes 2 ms of the thread instead of 13 µs
   * (docs/benchmarks.md). With a range of its own it goes on from where the last search ended, by
   * one (__inet_hash_connect in net/ipv4/inet_hashtables.c, Linux 6.8).
   */
  takeAnyPort(fd: number): void {
    if (this.#hasRange) this.#hasRange = this.set(fd, IP_LOCAL_PORT_RANGE, ALL_PORTS) >= 0
  }

  /** Sends small segments at once, in spite of unacknowledged ones: TCP_NODELAY. */
  setNoDelay(fd: number): number {
    return this.set(fd, TCP_NODELAY, 1)
  }

  /** The next ACK waits for bytes to ride on, or until `acknowledge` sends it. */
  delayAcknowledgement(fd: number): void {
    this.set(fd, TCP_QUICKACK, 0)
  }

  /** Sends the delayed ACK: the peer's accept waits for it, too. */
  acknowledge(fd: number): void {
    this.set(fd, TCP_QUICKACK, 1)
  }

  /**
   * Probes of a silent peer; null: none. What a listener accepts inherits them. More than the
   * kernel takes is as much as it takes (MAX_TCP_KEEPIDLE and others in linux/tcp.h).
   */
  setKeepalive(fd: number, keepalive: Keepalive | null): number {
    if (keepalive === null) return this.set(fd, SO_KEEPALIVE, 0)
    const { timeS, intervalS, probes } = keepalive
    const results = [
      this.set(fd, SO_KEEPALIVE, 1),
      this.set(fd, TCP_KEEPIDLE, Math.min(timeS || 7200, KEEPALIVE_S_MAX)),
      this.set(fd, TCP_KEEPINTVL, Math.min(intervalS || 75, KEEPALIVE_S_MAX)),
      this.set(fd, TCP_KEEPCNT, Math.min(probes || 9, KEEPALIVE_PROBES_MAX)),
    ]
    return Math.min(...results)
  }

  /**
   * How long bytes may go unacknowledged, or unsent since the peer's window is shut; 0: until the
   * kernel gives up. What a listener accepts inherits it.
   */
  setUserTimeout(fd: number, ms: number): number {
    return this.set(fd, TCP_USER_TIMEOUT, ms)
  }

  /** Whether the kernel spreads over time what is sent: BBR does (net/ipv4/tcp_bbr.c). */
  protected isPaced(fd: number): boolean {
    const { u8, i32 } = this.arena
    i32[this.value / 4] = CONGESTION_BYTES
    if (libc.getsockopt(fd, ...TCP_CONGESTION, this.placePointer, this.valuePointer) < 0) return false
    return BBR.every((byte, index) => u8[this.place + index] === byte)
  }

  /** Whether new sockets are paced. */
  protected get hostPaces(): boolean {
    this.#hostControl ??= this.#controlOfHost()
    return this.#hostControl.length > 0
  }

  #controlOfHost(): Uint8Array {
    const fd = libc.socket(2, SOCK_STREAM_CLOEXEC, 0)
    if (fd < 0) return NO_CONTROL
    const name = this.isPaced(fd)
      ? this.arena.u8.slice(this.place, this.place + CONGESTION_BYTES)
      : NO_CONTROL
    libc.close(fd)
    return name
  }

  /** As new sockets are. */
  protected pace(fd: number): void {
    const name = this.#hostControl
    if (!name?.length) return
    this.arena.u8.set(name, this.place)
    libc.setsockopt(fd, ...TCP_CONGESTION, this.placePointer, CONGESTION_BYTES)
  }

  /**
   * Sends as soon as the window allows, by Reno: each kernel has it, and anybody may choose it. A
   * socket that BBR has paced keeps its timers, with little to wait for (docs/benchmarks.md).
   */
  protected endPacing(fd: number): void {
    this.arena.u8.set(RENO, this.place)
    libc.setsockopt(fd, ...TCP_CONGESTION, this.placePointer, RENO.length)
  }

  /** The pending error of `fd` as −errno, or 0; reading it clears it. */
  pendingError(fd: number): number {
    const { i32 } = this.arena
    i32[this.value / 4] = 4
    const result = libc.getsockopt(fd, SO_ERROR[0], SO_ERROR[1], this.placePointer, this.valuePointer)
    return result < 0 ? result : 0 - i32[this.place / 4] // not −0
  }

  /** The user at the other end of a UNIX socket, or −errno: unix(7). */
  peerUid(fd: number): number {
    return this.#peer(fd, 1)
  }

  /** The process at the other end of a UNIX socket, or −errno. */
  peerPid(fd: number): number {
    return this.#peer(fd, 0)
  }

  #peer(fd: number, word: number): number {
    const { i32, u32 } = this.arena
    i32[this.value / 4] = UCRED_BYTES
    const result = libc.getsockopt(fd, ...SO_PEERCRED, this.placePointer, this.valuePointer)
    return result < 0 ? result : u32[this.place / 4 + word]
  }

  /** Whether `fd` is a socket that listens. */
  isListening(fd: number): boolean {
    const { i32 } = this.arena
    i32[this.value / 4] = 4
    const result = libc.getsockopt(fd, ...SO_ACCEPTCONN, this.placePointer, this.valuePointer)
    return result === 0 && i32[this.place / 4] === 1
  }

  /**
   * The number of connections waiting in a listener's queue, or −errno: tcpi_unacked, which is
   * sk_ack_backlog there (tcp_get_info in net/ipv4/tcp.c).
   */
  waiting(listener: number): number {
    const { i32 } = this.arena
    i32[this.value / 4] = INFO_BYTES
    const result = libc.getsockopt(listener, ...TCP_INFO, this.placePointer, this.valuePointer)
    return result < 0 ? result : i32[(this.place + UNACKED_AT) / 4]
  }

  /**
   * Whether closing it sends a reset, even if the kernel closes it after the process was killed.
   */
  resetWhenClosed(fd: number, isSo: boolean): number {
    const { i32 } = this.arena
    i32[this.value / 4] = isSo ? 1 : 0
    i32[this.value / 4 + 1] = 0
    return libc.setsockopt(fd, SO_LINGER[0], SO_LINGER[1], this.valuePointer, 8)
  }

  protected set(fd: number, [level, name]: Option, value: number): number {
    this.arena.i32[this.value / 4] = value
    return libc.setsockopt(fd, level, name, this.valuePointer, 4)
  }
}
