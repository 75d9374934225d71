/**
 * CRC-32C (Castagnoli, RFC 3720 §12.1), as in the PROXY protocol: over a range in which the four
 * bytes of the checksum itself count as zero.
 */

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0)
  return crc
})

/** The checksum of `bytes` from `from` up to `to`; the four bytes from `hole` on count as zero. */
export function crc32c(bytes: Uint8Array, from: number, to: number, hole: number): number {
  let crc = -1
  for (let at = from; at < to; at++) {
    const byte = at >= hole && at < hole + 4 ? 0 : bytes[at]
    crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]
  }
  return ~crc >>> 0
}
