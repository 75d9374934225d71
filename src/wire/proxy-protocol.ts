/**
 * The PROXY protocol: a load balancer announces the client behind it, first on a connection.
 *
 *   bytes ─readProxyHeader─▶ ProxyHeader ─writeProxyHeader─▶ bytes
 *
 * The first byte distinguishes the versions. Nothing is guessed: the listener's settings define who
 * must send a header. Version 1 is in proxy-text.ts, version 2 in proxy-binary.ts.
 */

import { readBinary, WRITTEN_BYTES_MAX, writeBinary } from './proxy-binary.ts'
import type { ProxyDetails } from './proxy-details.ts'
import { INVALID, MORE, type ProxyHeader } from './proxy-header.ts'
import { readLine, writeLine } from './proxy-text.ts'

/** Bits of the versions that a listener accepts. */
const Versions = { text: 1, binary: 2 } as const

/** The maximum that `writeProxyHeader` writes. */
export const PROXY_WRITTEN_MAX = WRITTEN_BYTES_MAX

/**
 * Reads the header at the front of `bytes[from … to)`.
 *
 * @param versions  One bit per accepted version: bit (version − 1). Any other is refused.
 * @param header    Filled if the answer is a length; otherwise its fields are undefined.
 * @returns The header's number of bytes; MORE for the beginning of one; INVALID.
 *
 * Once a beginning is INVALID, so are all longer ones. More bytes than a header may have are never
 * MORE, and a call for each new piece is cheap: a header is parsed only once it is complete.
 */
export function readProxyHeader(
  bytes: Uint8Array,
  from: number,
  to: number,
  versions: number,
  header: ProxyHeader,
): number {
  header.clientFamily = header.destinationFamily = 0
  if (from === to) return MORE
  if (bytes[from] === 0x50 && (versions & Versions.text) !== 0) return readLine(bytes, from, to, header)
  if (bytes[from] === 0x0d && (versions & Versions.binary) !== 0) return readBinary(bytes, from, to, header)
  return INVALID
}

/**
 * Writes a header at `at` and returns how many bytes it has, at most PROXY_WRITTEN_MAX.
 *
 * @param header     If the client's family is 0, the header names no addresses.
 * @param authority  The server name that the client asked for, or ''. Version 1 has no field for
 * it.
 * @param details    What else version 2 says; null: nothing.
 */
export function writeProxyHeader(
  out: Uint8Array,
  at: number,
  version: 1 | 2,
  header: ProxyHeader,
  authority = '',
  details: ProxyDetails | null = null,
): number {
  return version === 1 ? writeLine(out, at, header) : writeBinary(out, at, header, authority, details)
}
