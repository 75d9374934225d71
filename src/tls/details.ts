/**
 * What went wrong in TLS, as numbers that fit where a connection has its errno, and their names for
 * people: an alert of the peer's, a verdict on its certificate, or what OpenSSL says of its bytes.
 *
 * They begin above every errno.
 */

import { errnoName } from '../kernel/errno.ts'

/** An alert that came, by its number: RFC 8446, section 6. */
const ALERT = 10_000
/** A verdict on a certificate: X509_V_ERR in openssl/x509_vfy.h. */
const VERDICT = 11_000
/** A reason of OpenSSL's library for TLS: openssl/sslerr.h. */
const REASON = 12_000
/** weir's own. */
const OWN = 14_000
const END = 15_000

export const alertDetail = (alert: number): number => ALERT + alert
export const verdictDetail = (verdict: number): number => VERDICT + verdict
export const reasonDetail = (reason: number): number => REASON + reason

/** What weir itself says of a peer. */
export const Own = {
  noCertificate: OWN,
  nameMismatch: OWN + 1,
  pinMismatch: OWN + 2,
  noMemory: OWN + 3,
  tooLate: OWN + 4,
  identityTooLong: OWN + 5,
  noBuffer: OWN + 6,
  unreadAnswers: OWN + 7,
} as const

/** The peer's socket has ended in the middle: SSL_R_UNEXPECTED_EOF_WHILE_READING. */
export const UNFINISHED = REASON + 294

const NAMES: Readonly<Record<number, string>> = {
  [ALERT]: 'close_notify',
  [ALERT + 10]: 'unexpected_message',
  [ALERT + 20]: 'bad_record_mac',
  [ALERT + 21]: 'decryption_failed',
  [ALERT + 22]: 'record_overflow',
  [ALERT + 40]: 'handshake_failure',
  [ALERT + 42]: 'bad_certificate',
  [ALERT + 43]: 'unsupported_certificate',
  [ALERT + 44]: 'certificate_revoked',
  [ALERT + 45]: 'certificate_expired',
  [ALERT + 46]: 'certificate_unknown',
  [ALERT + 47]: 'illegal_parameter',
  [ALERT + 48]: 'unknown_ca',
  [ALERT + 49]: 'access_denied',
  [ALERT + 50]: 'decode_error',
  [ALERT + 51]: 'decrypt_error',
  [ALERT + 70]: 'protocol_version',
  [ALERT + 71]: 'insufficient_security',
  [ALERT + 80]: 'internal_error',
  [ALERT + 86]: 'inappropriate_fallback',
  [ALERT + 90]: 'user_canceled',
  [ALERT + 100]: 'no_renegotiation',
  [ALERT + 109]: 'missing_extension',
  [ALERT + 110]: 'unsupported_extension',
  [ALERT + 112]: 'unrecognized_name',
  [ALERT + 113]: 'bad_certificate_status_response',
  [ALERT + 116]: 'certificate_required',
  [ALERT + 120]: 'no_application_protocol',
  [VERDICT + 2]: 'no issuer certificate',
  [VERDICT + 3]: 'no revocation list of the issuer',
  [VERDICT + 7]: 'wrong signature',
  [VERDICT + 9]: 'certificate not yet valid',
  [VERDICT + 10]: 'certificate expired',
  [VERDICT + 12]: 'revocation list expired',
  [VERDICT + 18]: 'self-signed certificate',
  [VERDICT + 19]: 'self-signed certificate in the chain',
  [VERDICT + 20]: 'unknown authority',
  [VERDICT + 21]: 'unknown authority of the only certificate',
  [VERDICT + 23]: 'certificate revoked',
  [VERDICT + 26]: 'certificate not meant for this',
  [VERDICT + 62]: 'certificate has another name',
  [VERDICT + 64]: 'certificate has another address',
  [REASON + 104]: 'no shared key exchange',
  [REASON + 110]: 'packet without a place',
  [REASON + 134]: 'certificate not verified',
  [REASON + 156]: 'HTTP instead of TLS',
  [REASON + 159]: 'length mismatch',
  [REASON + 193]: 'no shared cipher',
  [REASON + 199]: 'no client certificate',
  [REASON + 221]: 'no shared cipher',
  [REASON + 235]: 'no shared protocol of ALPN',
  [REASON + 244]: 'unexpected message',
  [REASON + 258]: 'no shared protocol version',
  [REASON + 267]: 'no TLS',
  [REASON + 281]: 'wrong MAC',
  [UNFINISHED]: 'end without close_notify',
  [Own.noCertificate]: 'no certificate to serve with',
  [Own.nameMismatch]: 'certificate has another name',
  [Own.pinMismatch]: 'certificate is not a pinned one',
  [Own.noMemory]: 'no memory for a session',
  [Own.tooLate]: 'ECANCELED',
  [Own.identityTooLong]: 'identity is too long to keep',
  [Own.noBuffer]: 'no free buffer',
  [Own.unreadAnswers]: 'asks for answers and reads none',
}

/** Node's names for verdicts (X509Certificate and TLSSocket). */
const VERDICTS: Readonly<Record<string, number>> = {
  UNABLE_TO_GET_ISSUER_CERT: 2,
  UNABLE_TO_GET_CRL: 3,
  CERT_SIGNATURE_FAILURE: 7,
  CERT_NOT_YET_VALID: 9,
  CERT_HAS_EXPIRED: 10,
  CRL_HAS_EXPIRED: 12,
  DEPTH_ZERO_SELF_SIGNED_CERT: 18,
  SELF_SIGNED_CERT_IN_CHAIN: 19,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 20,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 21,
  CERT_REVOKED: 23,
  INVALID_PURPOSE: 26,
  HOSTNAME_MISMATCH: 62,
}

const REASONS_OF_NODE: Readonly<Record<string, number>> = {
  HTTP_REQUEST: 156,
  NO_SHARED_CIPHER: 193,
  PEER_DID_NOT_RETURN_A_CERTIFICATE: 199,
  UNEXPECTED_MESSAGE: 244,
  UNSUPPORTED_PROTOCOL: 258,
  WRONG_VERSION_NUMBER: 267,
  UNEXPECTED_EOF_WHILE_READING: 294,
}

/** The same number for an error of node:tls, such as ERR_SSL_TLSV1_ALERT_UNKNOWN_CA; 0: none. */
export function detailOfError({ code = '' }: { readonly code?: string | undefined }): number {
  const verdict = VERDICTS[code]
  if (verdict !== undefined) return verdictDetail(verdict)
  const alert = /^ERR_SSL_(?:TLSV1\d?|SSLV3|TLSV13)_ALERT_(\w+)$/.exec(code)?.[1].toLowerCase()
  const found = Object.keys(NAMES).find(number => alert !== undefined && NAMES[Number(number)] === alert)
  if (found !== undefined) return Number(found)
  return reasonDetail(REASONS_OF_NODE[code.replace('ERR_SSL_', '')] ?? 1)
}

/** 'ECONNRESET' for −104, 'unknown_ca' for −10048; either sign. */
export function failureName(result: number): string {
  const number = Math.abs(result)
  if (number < ALERT || number >= END) return errnoName(number)
  const name = NAMES[number]
  if (name !== undefined) return number < VERDICT ? `alert ${name}` : name
  if (number < VERDICT) return `alert ${number - ALERT}`
  return number < REASON ? `certificate error ${number - VERDICT}` : `TLS error ${number - REASON}`
}
