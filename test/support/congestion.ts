/**
 * The congestion control of sockets, which a test chooses and asks for: TCP_CONGESTION, tcp(7).
 */

import { readFileSync } from 'node:fs'
import type { Arena } from '../../src/kernel/arena.ts'
import { getsockopt, setsockopt } from '../../src/kernel/libc.ts'

const OPTION = [6, 13] as const

/** What sockets have that nobody chose for. */
export const usual = (): string => readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()

/** Whether the kernel has it, and lets this process choose it. */
export function choose(arena: Arena, fd: number, name: string): boolean {
  const at = arena.take(16)
  arena.u8.set(Buffer.from(name), at)
  return setsockopt(fd, ...OPTION, arena.pointer(at), name.length) === 0
}

export function chosen(arena: Arena, fd: number): string {
  const [at, length] = [arena.take(16), arena.take(8)]
  arena.i32[length / 4] = 16
  const result = getsockopt(fd, ...OPTION, arena.pointer(at), arena.pointer(length))
  if (result < 0) return `${result}`
  const text = Buffer.from(arena.u8.subarray(at, at + 16)).toString('latin1')
  return text.slice(0, text.indexOf('\0'))
}
