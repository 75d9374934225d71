/**
 * Why an OpenSSL call failed. OpenSSL keeps its errors in a queue of the thread, and a stale one
 * there makes the next session's "more bytes are needed" look like a failure: so whoever fails
 * empties the queue.
 */

import { alertDetail, reasonDetail, verdictDetail } from './details.ts'
import type { OpenSsl } from './openssl.ts'
import type { Failure } from './session.ts'

/** ERR_LIB_SSL */
const LIBRARY = 20n
/** An alert that came is a reason of this and its number. */
const ALERTS = 1000
/** SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE */
const NOT_VERIFIED = 134
const NO_CERTIFICATE = 199
/** X509_V_OK */
const OK = 0n

/** The reason of the first error about TLS; the queue is empty then. */
function takeReason({ ssl }: OpenSsl): number {
  let reason = 0
  for (let left = 16, error = ssl.ERR_get_error(); error !== 0n && left > 0; left--) {
    if (((error >> 23n) & 0xffn) === LIBRARY && reason === 0) reason = Number(error & 0x7fffffn)
    error = ssl.ERR_get_error()
  }
  ssl.ERR_clear_error()
  return reason
}

/** What a session failed for; call it directly after the call that failed. */
export function failureOf(openssl: OpenSsl, session: bigint): Failure {
  const reason = takeReason(openssl)
  if (reason >= ALERTS) return { detail: alertDetail(reason - ALERTS), isCertificate: false }
  if (reason === NO_CERTIFICATE) return { detail: reasonDetail(reason), isCertificate: true }
  const verdict = openssl.ssl.SSL_get_verify_result(session)
  if (reason !== NOT_VERIFIED)
    return { detail: reason === 0 ? 0 : reasonDetail(reason), isCertificate: false }
  return {
    detail: verdict === OK ? reasonDetail(reason) : verdictDetail(Number(verdict)),
    isCertificate: true,
  }
}
