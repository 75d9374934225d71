/**
 * The congestion control of sockets, which a test chooses and asks for: TCP_CONGESTION, tcp(7).
 */

import { readFileSync } from 'node:fs'
import type { Arena } from '../../src/kernel/arena.ts'
import { getsockopt, setsockopt } from '../../src/kernel/libc.ts'

const OPTION = [6, 13] as const

/** What sockets have that nobody chose for. */
export const usual = (): string => readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()

export class Congestion {
  readonly #arena: Arena
  readonly #name: number
  readonly #bytes: number

  constructor(arena: Arena) {
    this.#arena = arena
    this.#name = arena.take(16)
    this.#bytes = arena.take(8)
  }

  /** Whether the kernel has it, and lets this process choose it. */
  choose(fd: number, name: string): boolean {
    this.#arena.u8.set(Buffer.from(name), this.#name)
    return setsockopt(fd, ...OPTION, this.#arena.pointer(this.#name), name.length) === 0
  }

  of(fd: number): string {
    const { u8, i32 } = this.#arena
    i32[this.#bytes / 4] = 16
    const [name, bytes] = [this.#arena.pointer(this.#name), this.#arena.pointer(this.#bytes)]
    const result = getsockopt(fd, ...OPTION, name, bytes)
    if (result < 0) return `${result}`
    const text = Buffer.from(u8.subarray(this.#name, this.#name + 16)).toString('latin1')
    return text.slice(0, text.indexOf('\0'))
  }
}
