/**
 * The first message of a PostgreSQL client (PostgreSQL 18, §54.2.1 and §54.7): it requests
 * encryption, in the clear, before its ClientHello.
 *
 *   length u32 │ code u32 │ …
 *
 * Direct TLS (sslnegotiation=direct, PostgreSQL 17) begins with a ClientHello instead.
 */

/** Classifies the bytes so far. */
export const Startup = {
  /** Too few to tell. */
  more: -1,
  /** None of the others. */
  unknown: -2,
  /** A TLS record: client-hello.ts reads it. */
  tls: 0,
  /** weir may answer it with one byte, and then TLS begins. */
  sslRequest: 1,
  gssRequest: 2,
  /** A request to cancel a query on another connection; the client expects no answer. */
  cancel: 3,
  /** A session in the clear. */
  startup: 4,
} as const

/** SSLRequest and GSSENCRequest have this, and the others begin with it. */
export const STARTUP_HEAD = 8

const TLS_HANDSHAKE = 22
const SSL_CODE = 80877103
const GSS_CODE = 80877104
const CANCEL_CODE = 80877102
/** The answer of a server that agrees. */
const AGREED = 0x53 // 'S'
/** Major 3, any minor. */
const PROTOCOL_MAJOR = 3
/** A process, and a key of 4 up to 256 bytes since protocol 3.2. */
const CANCEL_BYTES_MIN = 16
const CANCEL_BYTES_MAX = 268
/** MAX_STARTUP_PACKET_LENGTH of the server. */
const STARTUP_BYTES_MAX = 10_000

/**
 * Classifies the front of `bytes[from … to)`, as one of `Startup`; a request is known by its first
 * 8 bytes.
 */
export function readStartup(bytes: Uint8Array, from: number, to: number): number {
  if (to > from && bytes[from] === TLS_HANDSHAKE) return Startup.tls
  // No length has more than 14 bits.
  if (to > from && bytes[from] !== 0) return Startup.unknown
  if (to - from < STARTUP_HEAD) return Startup.more
  return kindOf(u32(bytes, from), u32(bytes, from + 4))
}

function kindOf(length: number, code: number): number {
  if (code === SSL_CODE) return length === STARTUP_HEAD ? Startup.sslRequest : Startup.unknown
  if (code === GSS_CODE) return length === STARTUP_HEAD ? Startup.gssRequest : Startup.unknown
  if (code === CANCEL_CODE)
    return length >= CANCEL_BYTES_MIN && length <= CANCEL_BYTES_MAX ? Startup.cancel : Startup.unknown
  const isStartup = code >>> 16 === PROTOCOL_MAJOR && length > STARTUP_HEAD && length <= STARTUP_BYTES_MAX
  return isStartup ? Startup.startup : Startup.unknown
}

/** SSLRequest, as a client sends it. */
export const SSL_REQUEST = Uint8Array.of(0, 0, 0, STARTUP_HEAD, 0x04, 0xd2, 0x16, 0x2f)

/** Whether a server's answer means that TLS begins. */
export const isAgreed = (byte: number): boolean => byte === AGREED

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
