/**
 * Socket addresses in the arena: sockaddr_in (ip(7)) and sockaddr_in6 (ipv6(7)).
 *
 *   offset  0  family u16, this machine's order      4  address (in)        8  address (in6)
 *           2  port u16, network order               4  flow (in6)         24  scope (in6)
 *
 * The words are those of ../address/address.ts, and like there an IPv4-mapped address is unmapped
 * on reading.
 */

import type { Family } from '../address/address.ts'
import type { Arena } from './arena.ts'

export const AF_INET = 2
export const AF_INET6 = 10

/** Room for either. */
export const SOCKET_ADDRESS_BYTES = 28

/** A socket's address, filled in place by readers; family 0: none. */
export type SocketName = { family: Family | 0; readonly words: Uint32Array; port: number }

export const createSocketName = (): SocketName => ({ family: 0, words: new Uint32Array(4), port: 0 })

/** Writes an address at `at` and returns its length: 16 or 28 bytes. */
export function writeSocketAddress(
  { u8, u16, u32 }: Arena,
  at: number,
  family: Family,
  words: ArrayLike<number>,
  port: number,
): number {
  u16[at / 2] = family === 4 ? AF_INET : AF_INET6
  u8[at + 2] = port >>> 8
  u8[at + 3] = port
  if (family === 4) {
    writeWord(u8, at + 4, words[0])
    u32[at / 4 + 2] = u32[at / 4 + 3] = 0
    return 16
  }
  u32[at / 4 + 1] = u32[at / 4 + 6] = 0
  for (let i = 0; i < 4; i++) writeWord(u8, at + 8 + i * 4, words[i])
  return 28
}

/** Reads the address at `at` into `name`; family 0 for other kinds. */
export function readSocketAddress({ u8, u16 }: Arena, at: number, name: SocketName): void {
  const { words } = name
  const family = u16[at / 2]
  name.family = family === AF_INET ? 4 : family === AF_INET6 ? 6 : 0
  name.port = (u8[at + 2] << 8) | u8[at + 3]
  if (name.family === 4) words[0] = readWord(u8, at + 4)
  if (name.family !== 6) words[1] = words[2] = words[3] = 0
  else for (let i = 0; i < 4; i++) words[i] = readWord(u8, at + 8 + i * 4)
  if (name.family === 6 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    name.family = 4
    words[0] = words[3]
    words[2] = words[3] = 0
  }
}

function writeWord(u8: Uint8Array, at: number, word: number): void {
  u8[at] = word >>> 24
  u8[at + 1] = word >>> 16
  u8[at + 2] = word >>> 8
  u8[at + 3] = word
}

const readWord = (u8: Uint8Array, at: number): number =>
  ((u8[at] << 24) | (u8[at + 1] << 16) | (u8[at + 2] << 8) | u8[at + 3]) >>> 0
