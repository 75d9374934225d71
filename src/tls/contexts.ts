/**
 * OpenSSL's contexts: what the sessions of one server, or with one destination, have in common.
 * Each is made in the thread that uses it, since a callback must not be called in another, and is
 * freed once nothing will begin a session with it: sessions keep what they need.
 */

import { getCACertificates } from 'node:tls'
import type { TlsServer, TlsUpstream, TlsVersion } from '../table/plan/tls.ts'
import type { AlpnChoices, Staples } from './callbacks.ts'
import { contextId, ticketKeysOf } from './context-id.ts'
import type { Material, Pair, TicketKeys } from './material.ts'
import { TICKET_KEY_BYTES } from './material.ts'
import { addressOf, Check, Ctrl, Mode, type OpenSsl, Option, Verify } from './openssl.ts'
import type { Tickets } from './tickets.ts'

const VERSIONS: Readonly<Record<TlsVersion, bigint>> = {
  TLSV1_0: 0x301n,
  TLSV1_1: 0x302n,
  TLSV1_2: 0x303n,
  TLSV1_3: 0x304n,
}

/** With forward secrecy and without CBC; those of TLS 1.3 are OpenSSL's own. */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
/** TLS 1.0 and 1.1 need hashes that OpenSSL refuses otherwise. */
const OLD_CIPHERS = 'DEFAULT@SECLEVEL=0'

/**
 * Of TLS 1.3 for each full handshake, instead of OpenSSL's two, each of which costs a fourteenth of
 * it. Clients that connect many times at once, and use a ticket once, resume one of these less.
 */
const TICKETS = 1n

/** What the contexts of one thread share. */
export type Shared = {
  readonly openssl: OpenSsl
  readonly alpn: AlpnChoices
  readonly staples: Staples
  readonly tickets: Tickets
  /** A function that lets every certificate pass. */
  readonly anyone: bigint
}

/** A context, or why there is none: the material does not fit. */
export function serverContext(
  shared: Shared,
  server: TlsServer,
  material: Material,
  tickets: TicketKeys,
): bigint | string {
  const { openssl, alpn, anyone } = shared
  const { ssl } = openssl
  const context = newContext(openssl, ssl.TLS_server_method(), server)
  const { noCompression, noRenegotiation, serverPreference, prioritizeChacha } = Option
  ssl.SSL_CTX_set_options(context, noCompression | noRenegotiation | serverPreference | prioritizeChacha)
  const identity = contextId(server, material)
  ssl.SSL_CTX_set_session_id_context(context, identity, identity.length)
  ssl.SSL_CTX_set_num_tickets(context, TICKETS)
  shared.tickets.seal(context, ticketKeysOf(tickets, identity, TICKET_KEY_BYTES))
  if (server.alpn.length > 0) alpn.choose(context, server.alpn)
  const wrong = servePairs(shared, context, material.pairs) ?? askClients(shared, context, server, material)
  if (wrong === null) return context
  ssl.SSL_CTX_free(context)
  return wrong

  function askClients(
    { openssl }: Shared,
    context: bigint,
    { clients, verify }: TlsServer,
    { authorities, crl }: Material,
  ): string | null {
    if (clients === 'none') return null
    const mode = clients === 'required' ? Verify.peer | Verify.failWithout : Verify.peer
    ssl.SSL_CTX_set_verify(context, mode, verify?.insecureSkipVerify ? anyone : 0n)
    const store = ssl.SSL_CTX_get_cert_store(context)
    if (authorities) trust(openssl, store, authorities, x509 => ssl.SSL_CTX_add_client_CA(context, x509))
    if (crl) revoke(openssl, store, crl)
    return null
  }
}

/** Also without a certificate of weir's own: `material` is null then. */
export function upstreamContext(
  shared: Shared,
  upstream: TlsUpstream,
  material: Material | null,
  trusted: Material | null,
  systemStore: () => bigint,
): bigint | string {
  const { openssl } = shared
  const { ssl } = openssl
  const context = newContext(openssl, ssl.TLS_client_method(), { ...upstream, ciphers: [] })
  ssl.SSL_CTX_set_options(context, Option.noCompression | Option.noRenegotiation)
  const wanted = wireNames(upstream.alpn)
  if (wanted.length > 0) ssl.SSL_CTX_set_alpn_protos(context, wanted, wanted.length)
  if (upstream.trust !== 'none') ssl.SSL_CTX_set_verify(context, Verify.peer, 0n)
  if (upstream.trust === 'system') ssl.SSL_CTX_set1_cert_store(context, systemStore())
  const store = ssl.SSL_CTX_get_cert_store(context)
  if (trusted?.authorities) trust(openssl, store, trusted.authorities)
  if (trusted?.crl) revoke(openssl, store, trusted.crl)
  const wrong = material === null ? null : usePairs(openssl, context, material.pairs)
  if (wrong === null) return context
  ssl.SSL_CTX_free(context)
  return wrong
}

type Terms = {
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  readonly ciphers: readonly string[]
}

function newContext({ ssl }: OpenSsl, method: bigint, { minVersion, maxVersion, ciphers }: Terms): bigint {
  const context = ssl.SSL_CTX_new(method)
  const mode = Mode.partialWrite | Mode.movingWriteBuffer | Mode.releaseBuffers
  ssl.SSL_CTX_ctrl(context, Ctrl.mode, BigInt(mode), 0n)
  ssl.SSL_CTX_ctrl(context, Ctrl.sessionCacheMode, 0n, 0n)
  ssl.SSL_CTX_ctrl(context, Ctrl.minVersion, VERSIONS[minVersion], 0n)
  ssl.SSL_CTX_ctrl(context, Ctrl.maxVersion, VERSIONS[maxVersion], 0n)
  const isOld = VERSIONS[minVersion] < VERSIONS.TLSV1_2
  const wanted = ciphers.length > 0 ? ciphers : isOld ? [] : CIPHERS
  const list =
    wanted.length === 0 ? OLD_CIPHERS : isOld ? `${wanted.join(':')}:@SECLEVEL=0` : wanted.join(':')
  if (ssl.SSL_CTX_set_cipher_list(context, list) !== 1)
    ssl.SSL_CTX_set_cipher_list(context, CIPHERS.join(':'))
  ssl.ERR_clear_error()
  return context
}

function servePairs(shared: Shared, context: bigint, pairs: readonly Pair[]): string | null {
  if (pairs.length === 0) return 'no certificate'
  return usePairs(shared.openssl, context, pairs, (certificate, { ocsp }) => {
    if (ocsp) shared.staples.staple(context, certificate, ocsp)
  })
}

function usePairs(
  openssl: OpenSsl,
  context: bigint,
  pairs: readonly Pair[],
  onUsed: (certificate: bigint, pair: Pair) => void = () => {},
): string | null {
  const { ssl } = openssl
  for (const pair of pairs) {
    let isFirst = true
    let isRight = true
    eachPem(openssl, pair.chain, ssl.PEM_read_bio_X509, x509 => {
      const used = isFirst
        ? ssl.SSL_CTX_use_certificate(context, x509) === 1
        : ssl.SSL_CTX_ctrl(context, Ctrl.addChainCertificate, 1n, x509) === 1n
      if (isFirst) onUsed(x509, pair)
      isFirst = false
      isRight &&= used
      ssl.X509_free(x509)
    })
    let hasKey = false
    eachPem(openssl, pair.key, ssl.PEM_read_bio_PrivateKey, key => {
      hasKey ||= ssl.SSL_CTX_use_PrivateKey(context, key) === 1
      ssl.EVP_PKEY_free(key)
    })
    ssl.ERR_clear_error()
    if (isFirst || !isRight) return 'a certificate that OpenSSL does not take'
    if (!hasKey) return 'a key that OpenSSL does not take'
  }
  return null
}

/** Adds authorities to a store. */
function trust(
  openssl: OpenSsl,
  store: bigint,
  authorities: Uint8Array,
  onEach: (x509: bigint) => void = () => {},
): void {
  const { ssl } = openssl
  ssl.X509_STORE_set_flags(store, Check.partialChain)
  eachPem(openssl, authorities, ssl.PEM_read_bio_X509, x509 => {
    ssl.X509_STORE_add_cert(store, x509)
    onEach(x509)
    ssl.X509_free(x509)
  })
}

function revoke(openssl: OpenSsl, store: bigint, lists: Uint8Array): void {
  const { ssl } = openssl
  eachPem(openssl, lists, ssl.PEM_read_bio_X509_CRL, list => {
    ssl.X509_STORE_add_crl(store, list)
    ssl.X509_CRL_free(list)
  })
  ssl.X509_STORE_set_flags(store, Check.crl | Check.crlAll)
}

/** The machine's authorities, in a store that contexts may share. */
export function systemStore(openssl: OpenSsl): bigint {
  const store = openssl.ssl.X509_STORE_new()
  trust(openssl, store, Buffer.from(getCACertificates('system').join('\n')))
  return store
}

/** A password makes OpenSSL ask the terminal: whoever sends material has refused those keys. */
const isEncrypted = (pem: Uint8Array): boolean =>
  Buffer.from(pem.buffer, pem.byteOffset, pem.length).includes('ENCRYPTED')

type ReadPem = (bio: bigint, x: bigint, password: bigint, u: bigint) => bigint

/** Reads each object of PEM text; after the last, the queue has an error, which is taken. */
function eachPem({ ssl }: OpenSsl, pem: Uint8Array, read: ReadPem, use: (object: bigint) => void): void {
  if (pem.length === 0 || isEncrypted(pem)) return
  const still = Buffer.allocUnsafeSlow(pem.length) // outside V8's heap, so it does not move
  still.set(pem)
  const bio = ssl.BIO_new_mem_buf(addressOf(still), still.length)
  for (let object = read(bio, 0n, 0n, 0n); object !== 0n; object = read(bio, 0n, 0n, 0n)) use(object)
  ssl.ERR_clear_error()
  ssl.BIO_free(bio)
  still.fill(0)
}

/** As ALPN has them: each with a byte of its length first. */
const wireNames = (names: readonly string[]): Buffer =>
  Buffer.concat(names.map(name => Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1')])))
