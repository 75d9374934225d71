/**
 * What a header of version 2 says beside addresses: its TLVs (the specification, §2.2). Each is a
 * type, a length u16 and a value; PP2_TYPE_SSL has others inside.
 */

/** What weir knows of a client; '' and null: nothing, and then there is no TLV for it. */
export type ProxyDetails = {
  /** The protocol that both have chosen (ALPN). */
  readonly alpn: string
  /** At most 128 bytes. */
  readonly uniqueId: string
  /** The client's TLS, which has ended at weir. */
  readonly tls: ProxyTls | null
  /** Whether a CRC-32C of the header is its last TLV. */
  readonly isChecked: boolean
}

export type ProxyTls = {
  /** "TLSv1.3". */
  readonly version: string
  /** OpenSSL's name. */
  readonly cipher: string
  /** The certificate that the client has shown. */
  readonly certificate: ProxyCertificate | null
  /** By a ticket: a certificate was shown before, and not now. */
  readonly isResumed: boolean
}

type ProxyCertificate = {
  /** '': none. */
  readonly commonName: string
  /** X509_V_OK is 0: it was verified. */
  readonly verify: number
}

const Type = { alpn: 0x01, crc32c: 0x03, uniqueId: 0x05, tls: 0x20 } as const
const InTls = { version: 0x21, commonName: 0x22, cipher: 0x23 } as const
const Client = { tls: 1, certificate: 2, certificateBefore: 4 } as const
/** Non-zero: the client has shown no certificate, so none was verified. */
const UNVERIFIED = 1

const HEAD = 3
const TEXT_MAX = 255
const ID_MAX = 128
const CRC = 4
/** Of PP2_TYPE_SSL: bits of the client, and the verdict. */
const TLS_HEAD = 5

export const DETAIL_BYTES_MAX =
  HEAD + TEXT_MAX + HEAD + ID_MAX + HEAD + TLS_HEAD + 3 * (HEAD + TEXT_MAX) + HEAD + CRC

/** Writes all but the checksum at `at`, and returns where they end. */
export function writeDetails(out: Uint8Array, at: number, { alpn, uniqueId, tls }: ProxyDetails): number {
  const next = writeText(out, writeText(out, at, Type.alpn, alpn), Type.uniqueId, uniqueId, ID_MAX)
  return tls === null ? next : writeTls(out, next, tls)
}

/** The place for the checksum, which counts as zero in it; returns where it ends. */
export function writeChecksumPlace(out: Uint8Array, at: number): number {
  const value = writeHead(out, at, Type.crc32c, CRC)
  return value + CRC
}

function writeTls(out: Uint8Array, at: number, tls: ProxyTls): number {
  const { version, cipher, certificate, isResumed } = tls
  const shown = certificate === null ? 0 : Client.certificateBefore | (isResumed ? 0 : Client.certificate)
  const verdict = certificate?.verify ?? UNVERIFIED
  out[at + HEAD] = Client.tls | shown
  for (let byte = 0; byte < 4; byte++) out[at + HEAD + 1 + byte] = verdict >>> (24 - 8 * byte)
  const named = writeText(out, at + HEAD + TLS_HEAD, InTls.version, version)
  const common = writeText(out, named, InTls.commonName, certificate?.commonName ?? '')
  const end = writeText(out, common, InTls.cipher, cipher)
  writeHead(out, at, Type.tls, end - at - HEAD)
  return end
}

/** UTF-8; what is too long is left out, since a part of a name is another name. */
function writeText(out: Uint8Array, at: number, type: number, text: string, most = TEXT_MAX): number {
  if (text === '') return at
  const bytes = new TextEncoder().encode(text)
  if (bytes.length > most) return at
  out.set(bytes, writeHead(out, at, type, bytes.length))
  return at + HEAD + bytes.length
}

/** Returns where the value begins. */
function writeHead(out: Uint8Array, at: number, type: number, length: number): number {
  out[at] = type
  out[at + 1] = length >>> 8
  out[at + 2] = length
  return at + HEAD
}
