/**
 * A ClientHello as a message: the server name and the protocols of the client (RFC 8446 §4.1.2).
 *
 *   type 1, length u24 │ version, random │ session │ ciphers │ compressions │ extensions
 *                                                     0: server_name (RFC 6066 §3)  16: ALPN (RFC 7301)
 *
 * Unknown values are skipped, as GREASE requires (RFC 8701); known ones must be exact. With
 * Encrypted Client Hello (ECH) the name is the outer one, which is all that a router can see.
 */

/**
 * The maximum that a client sends until its hello is complete, including record heads; as in Envoy.
 */
export const HELLO_BYTES_MAX = 16_384

/** Classifies the bytes so far. */
export const Hello = {
  /** A complete hello. */
  whole: 0,
  /** The beginning of one. */
  more: -1,
  /** Another protocol's. */
  notTls: -2,
  /** TLS, but broken. */
  malformed: -3,
  /** A hello longer than HELLO_BYTES_MAX. */
  tooLarge: -4,
  /** A hello in the framing of SSL 2, which has no place for a name. */
  ssl2: -5,
} as const

export type ServerHints = {
  /** In lower case, without a final dot; '': the client asks for none. */
  serverName: string
  /** The client's protocols (ALPN), in its order; one byte of a name is one character. */
  protocols: readonly string[]
}

const CLIENT_HELLO = 1
const HEAD = 4
const VERSION_AND_RANDOM = 34
const SESSION_MAX = 32

const Extension = { serverName: 0, protocols: 16 } as const
const EXTENSION_HEAD = 4
const HOST_NAME = 0
const NAME_HEAD = 3
/** OpenSSL's limit, too (TLSEXT_MAXLEN_host_name). */
const NAME_BYTES_MAX = 255

/**
 * Reads the message at the front of `bytes[from … to)` into `hints`.
 *
 * @returns `Hello.whole`, `more`, `malformed` or `tooLarge`.
 */
export function readMessage(bytes: Uint8Array, from: number, to: number, hints: ServerHints): number {
  if (to > from && bytes[from] !== CLIENT_HELLO) return Hello.malformed
  if (to - from < HEAD) return Hello.more
  const end = from + HEAD + ((bytes[from + 1] << 16) | u16(bytes, from + 2))
  if (end - from > HELLO_BYTES_MAX) return Hello.tooLarge
  if (end > to) return Hello.more
  hints.serverName = ''
  hints.protocols = []
  return isHello(bytes, from + HEAD, end, hints) ? Hello.whole : Hello.malformed
}

function isHello(bytes: Uint8Array, from: number, end: number, hints: ServerHints): boolean {
  const session = from + VERSION_AND_RANDOM
  const ciphers = session < end && bytes[session] <= SESSION_MAX ? after(bytes, session, 1, end) : NONE
  const compressions = after(bytes, ciphers, 2, end)
  const extensions = after(bytes, compressions, 1, end)
  if (extensions === NONE) return false
  const cipherBytes = u16(bytes, ciphers)
  if (cipherBytes === 0 || cipherBytes % 2 === 1 || bytes[compressions] === 0) return false
  if (extensions === end) return true // older than extensions
  if (after(bytes, extensions, 2, end) !== end) return false
  return areExtensions(bytes, extensions + 2, end, hints)
}

const NONE = -1

/**
 * The end of the vector at `at`, whose length has `lengthBytes` bytes; NONE if that is beyond
 * `end`.
 */
function after(bytes: Uint8Array, at: number, lengthBytes: 1 | 2, end: number): number {
  if (at === NONE || at + lengthBytes > end) return NONE
  const next = at + lengthBytes + (lengthBytes === 1 ? bytes[at] : u16(bytes, at))
  return next > end ? NONE : next
}

/**
 * Their order does not matter; none may come twice (RFC 8446 §4.2), which weir checks for the two
 * that it reads.
 */
function areExtensions(bytes: Uint8Array, from: number, end: number, hints: ServerHints): boolean {
  let seen = 0
  for (let at = from; at < end; ) {
    if (end - at < EXTENSION_HEAD) return false
    const type = u16(bytes, at)
    const data = at + EXTENSION_HEAD
    at = after(bytes, at + 2, 2, end)
    if (at === NONE) return false
    if (type !== Extension.serverName && type !== Extension.protocols) continue
    if ((seen & (1 << type)) !== 0) return false
    seen |= 1 << type
    const isRight = type === Extension.serverName ? isServerName : areProtocols
    if (!isRight(bytes, data, at, hints)) return false
  }
  return true
}

/** A list of names, one of which is a host's; other types were never defined. */
function isServerName(bytes: Uint8Array, from: number, end: number, hints: ServerHints): boolean {
  if (after(bytes, from, 2, end) !== end) return false
  for (let at = from + 2; at < end; ) {
    if (end - at < NAME_HEAD) return false
    const type = bytes[at]
    const name = at + NAME_HEAD
    at = after(bytes, at + 1, 2, end)
    if (at === NONE) return false
    if (type !== HOST_NAME) continue
    if (hints.serverName !== '') return false
    hints.serverName = hostName(bytes, name, at)
    if (hints.serverName === '') return false
  }
  return hints.serverName !== ''
}

/**
 * '' for an invalid name: only letters, digits, hyphen, underscore and dot reach logs and rules.
 */
function hostName(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > NAME_BYTES_MAX) return ''
  const end = to > from && bytes[to - 1] === 0x2e ? to - 1 : to
  let name = ''
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    const isUpper = byte >= 0x41 && byte <= 0x5a
    if (!isUpper && !isNameByte(byte)) return ''
    name += String.fromCharCode(isUpper ? byte + 0x20 : byte)
  }
  return name
}

const isNameByte = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2d ||
  byte === 0x2e ||
  byte === 0x5f

function areProtocols(bytes: Uint8Array, from: number, end: number, hints: ServerHints): boolean {
  if (after(bytes, from, 2, end) !== end || from + 2 === end) return false
  const protocols: string[] = []
  for (let at = from + 2; at < end; ) {
    const name = at + 1
    at = after(bytes, at, 1, end)
    if (at === NONE || at === name) return false
    protocols.push(String.fromCharCode(...bytes.subarray(name, at)))
  }
  hints.protocols = protocols
  return true
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]
