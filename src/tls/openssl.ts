/**
 * OpenSSL, through `node:ffi`: the library that Node's own program contains and exports (3.5 in
 * Node 26). The only module that calls it, with one table of its functions.
 *
 * Names and meanings are those of its manual pages; numbers that C has as macros are below. What
 * callers have to know beyond that is in openssl-errors.ts, contexts.ts and openssl-session.ts. A
 * pointer is a bigint, 0n is NULL; a place in the kernel's memory is a number, which costs less
 * (kernel/libc.ts).
 *
 * What is called for each record or handshake is a function of this module, over a constant, so
 * that V8 compiles Node's wrapper into its caller; the rest is looked up in a table that is loaded
 * with the first session of a thread.
 */

import { missing } from '../kernel/libc.ts'

const POINTER = 'pointer'

const SYMBOLS = {
  BIO_ctrl: { return: 'i64', arguments: [POINTER, 'i32', 'i64', POINTER] },
  BIO_free: { return: 'i32', arguments: [POINTER] },
  BIO_new_bio_pair: { return: 'i32', arguments: [POINTER, POINTER, POINTER, POINTER] },
  BIO_new_mem_buf: { return: POINTER, arguments: [POINTER, 'i32'] },
  BIO_read: { return: 'i32', arguments: [POINTER, POINTER, 'i32'] },
  CRYPTO_malloc: { return: POINTER, arguments: [POINTER, POINTER, 'i32'] },
  ERR_clear_error: { return: 'void', arguments: [] },
  ERR_get_error: { return: 'u64', arguments: [] },
  EVP_DecryptInit_ex: { return: 'i32', arguments: [POINTER, POINTER, POINTER, POINTER, POINTER] },
  EVP_EncryptInit_ex: { return: 'i32', arguments: [POINTER, POINTER, POINTER, POINTER, POINTER] },
  EVP_MAC_CTX_set_params: { return: 'i32', arguments: [POINTER, POINTER] },
  EVP_PKEY_free: { return: 'void', arguments: [POINTER] },
  EVP_aes_256_cbc: { return: POINTER, arguments: [] },
  PEM_read_bio_PrivateKey: { return: POINTER, arguments: [POINTER, POINTER, POINTER, POINTER] },
  PEM_read_bio_X509: { return: POINTER, arguments: [POINTER, POINTER, POINTER, POINTER] },
  PEM_read_bio_X509_CRL: { return: POINTER, arguments: [POINTER, POINTER, POINTER, POINTER] },
  RAND_bytes: { return: 'i32', arguments: [POINTER, 'i32'] },
  SSL_CIPHER_description: { return: POINTER, arguments: [POINTER, POINTER, 'i32'] },
  SSL_CTX_add_client_CA: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_CTX_callback_ctrl: { return: 'i64', arguments: [POINTER, 'i32', POINTER] },
  SSL_CTX_check_private_key: { return: 'i32', arguments: [POINTER] },
  SSL_CTX_ctrl: { return: 'i64', arguments: [POINTER, 'i32', 'i64', POINTER] },
  SSL_CTX_free: { return: 'void', arguments: [POINTER] },
  SSL_CTX_get_cert_store: { return: POINTER, arguments: [POINTER] },
  SSL_CTX_new: { return: POINTER, arguments: [POINTER] },
  SSL_CTX_set1_cert_store: { return: 'void', arguments: [POINTER, POINTER] },
  SSL_CTX_set_alpn_protos: { return: 'i32', arguments: [POINTER, POINTER, 'u32'] },
  SSL_CTX_set_alpn_select_cb: { return: 'void', arguments: [POINTER, POINTER, POINTER] },
  SSL_CTX_set_cipher_list: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_CTX_set_options: { return: 'u64', arguments: [POINTER, 'u64'] },
  SSL_CTX_set_num_tickets: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_CTX_set_session_id_context: { return: 'i32', arguments: [POINTER, POINTER, 'u32'] },
  SSL_CTX_set_verify: { return: 'void', arguments: [POINTER, 'i32', POINTER] },
  SSL_CTX_use_PrivateKey: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_CTX_use_certificate: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_add1_host: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_ctrl: { return: 'i64', arguments: [POINTER, 'i32', 'i64', POINTER] },
  SSL_get0_alpn_selected: { return: 'void', arguments: [POINTER, POINTER, POINTER] },
  SSL_get0_param: { return: POINTER, arguments: [POINTER] },
  SSL_get1_peer_certificate: { return: POINTER, arguments: [POINTER] },
  SSL_get_SSL_CTX: { return: POINTER, arguments: [POINTER] },
  SSL_get_certificate: { return: POINTER, arguments: [POINTER] },
  SSL_get_current_cipher: { return: POINTER, arguments: [POINTER] },
  SSL_get_shutdown: { return: 'i32', arguments: [POINTER] },
  SSL_get_verify_result: { return: 'i64', arguments: [POINTER] },
  SSL_pending: { return: 'i32', arguments: [POINTER] },
  SSL_session_reused: { return: 'i32', arguments: [POINTER] },
  SSL_set_hostflags: { return: 'void', arguments: [POINTER, 'u32'] },
  SSL_version: { return: 'i32', arguments: [POINTER] },
  TLS_client_method: { return: POINTER, arguments: [] },
  TLS_server_method: { return: POINTER, arguments: [] },
  X509_CRL_free: { return: 'void', arguments: [POINTER] },
  X509_STORE_add_cert: { return: 'i32', arguments: [POINTER, POINTER] },
  X509_STORE_add_crl: { return: 'i32', arguments: [POINTER, POINTER] },
  X509_STORE_free: { return: 'void', arguments: [POINTER] },
  X509_STORE_new: { return: POINTER, arguments: [] },
  X509_STORE_set_flags: { return: 'i32', arguments: [POINTER, 'u64'] },
  X509_VERIFY_PARAM_set1_ip_asc: { return: 'i32', arguments: [POINTER, POINTER] },
  X509_free: { return: 'void', arguments: [POINTER] },
  i2d_X509: { return: 'i32', arguments: [POINTER, POINTER] },
} as const

/** Functions called for each record or handshake. */
const HOT_SYMBOLS = {
  BIO_read: { return: 'i32', arguments: [POINTER, POINTER, 'i32'] },
  BIO_up_ref: { return: 'i32', arguments: [POINTER] },
  BIO_write: { return: 'i32', arguments: [POINTER, POINTER, 'i32'] },
  ERR_clear_error: { return: 'void', arguments: [] },
  SSL_CTX_set_tlsext_ticket_key_evp_cb: { return: 'i32', arguments: [POINTER, POINTER] },
  SSL_accept: { return: 'i32', arguments: [POINTER] },
  SSL_connect: { return: 'i32', arguments: [POINTER] },
  SSL_free: { return: 'void', arguments: [POINTER] },
  SSL_get_error: { return: 'i32', arguments: [POINTER, 'i32'] },
  SSL_new: { return: POINTER, arguments: [POINTER] },
  SSL_read: { return: 'i32', arguments: [POINTER, POINTER, 'i32'] },
  SSL_set_bio: { return: 'void', arguments: [POINTER, POINTER, POINTER] },
  SSL_shutdown: { return: 'i32', arguments: [POINTER] },
  SSL_write: { return: 'i32', arguments: [POINTER, POINTER, 'i32'] },
} as const

/** The same with an address below LOW. */
const LOW_SYMBOLS = {
  BIO_read: { return: 'i32', arguments: [POINTER, 'i32', 'i32'] },
  BIO_write: { return: 'i32', arguments: [POINTER, 'i32', 'i32'] },
  SSL_read: { return: 'i32', arguments: [POINTER, 'i32', 'i32'] },
  SSL_write: { return: 'i32', arguments: [POINTER, 'i32', 'i32'] },
} as const

/** What a callback of OpenSSL is like. It must not throw: that would end the process. */
const CALLBACKS = {
  /** SSL_CTX_alpn_select_cb_func */
  alpn: { return: 'i32', arguments: [POINTER, POINTER, POINTER, POINTER, 'u32', POINTER] },
  /** SSL_verify_cb */
  verify: { return: 'i32', arguments: ['i32', POINTER] },
  /** The callback of SSL_CTX_set_tlsext_ticket_key_evp_cb(3) */
  ticket: { return: 'i32', arguments: [POINTER, POINTER, POINTER, POINTER, POINTER, 'i32'] },
  /** The callback of SSL_CTX_set_tlsext_status_cb(3) */
  status: { return: 'i32', arguments: [POINTER, POINTER] },
} as const

const ffi = process.getBuiltinModule('node:ffi')

function load() {
  const library = ffi.dlopen(null, SYMBOLS)
  return { library: library.lib, ssl: library.functions }
}

function loadHot() {
  const { functions: hot } = ffi.dlopen(null, HOT_SYMBOLS)
  const { functions: low } = ffi.dlopen(null, LOW_SYMBOLS)
  return { hot, low }
}

/** Empty where they are missing: `openssl` says why, and nobody calls them then. */
function hotOrNone(): ReturnType<typeof loadHot> {
  try {
    if (missing === '') return loadHot()
  } catch {}
  return { hot: {}, low: {} } as ReturnType<typeof loadHot>
}

const { hot, low } = hotOrNone()

// One constant for each, as in kernel/libc.ts.
const {
  BIO_read: c_BIO_read,
  BIO_up_ref: c_BIO_up_ref,
  BIO_write: c_BIO_write,
  ERR_clear_error: c_ERR_clear_error,
  SSL_CTX_set_tlsext_ticket_key_evp_cb: c_SSL_CTX_set_tlsext_ticket_key_evp_cb,
  SSL_accept: c_SSL_accept,
  SSL_connect: c_SSL_connect,
  SSL_free: c_SSL_free,
  SSL_get_error: c_SSL_get_error,
  SSL_new: c_SSL_new,
  SSL_read: c_SSL_read,
  SSL_set_bio: c_SSL_set_bio,
  SSL_shutdown: c_SSL_shutdown,
  SSL_write: c_SSL_write,
} = hot
const {
  BIO_read: low_BIO_read,
  BIO_write: low_BIO_write,
  SSL_read: low_SSL_read,
  SSL_write: low_SSL_write,
} = low

/** Addresses below this are i32. */
const LOW = 2 ** 31

export const readBio = (bio: bigint, address: number, room: number): number =>
  address < LOW ? low_BIO_read(bio, address, room) : c_BIO_read(bio, BigInt(address), room)
export const writeBio = (bio: bigint, address: number, bytes: number): number =>
  address < LOW ? low_BIO_write(bio, address, bytes) : c_BIO_write(bio, BigInt(address), bytes)
export const readSession = (session: bigint, address: number, room: number): number =>
  address < LOW ? low_SSL_read(session, address, room) : c_SSL_read(session, BigInt(address), room)
export const writeSession = (session: bigint, address: number, bytes: number): number =>
  address < LOW ? low_SSL_write(session, address, bytes) : c_SSL_write(session, BigInt(address), bytes)
/** A session over this BIO, both ways, of which it has a reference; 0n: there is no memory. */
export const newSession = (context: bigint, bio: bigint): bigint => {
  const session = c_SSL_new(context)
  if (session === 0n) return session
  c_BIO_up_ref(bio)
  c_SSL_set_bio(session, bio, bio)
  return session
}
/** 0n: none, and OpenSSL's own key counts. */
export const setTicketCallback = (context: bigint, call: bigint): number =>
  c_SSL_CTX_set_tlsext_ticket_key_evp_cb(context, call)
/** SSL_accept(3) and SSL_connect(3): the next step of a handshake. */
export const acceptSession = (session: bigint): number => c_SSL_accept(session)
export const connectSession = (session: bigint): number => c_SSL_connect(session)
export const endSession = (session: bigint): number => c_SSL_shutdown(session)
export const freeSession = (session: bigint): void => c_SSL_free(session)
export const errorOf = (session: bigint, result: number): number => c_SSL_get_error(session, result)
export const clearErrors = (): void => c_ERR_clear_error()

let loaded: ReturnType<typeof load> | null = null

/** The functions, or why there are none: with the first call of a thread. */
export function openssl(): ReturnType<typeof load> | string {
  if (missing !== '') return missing
  try {
    loaded ??= load()
    return loaded
  } catch (error) {
    return `this Node does not export OpenSSL: ${(error as Error).message}`
  }
}

export type OpenSsl = ReturnType<typeof load>

/** Registers a function that OpenSSL calls, in this thread alone; returns its address. */
export const callback = (
  { library }: OpenSsl,
  kind: keyof typeof CALLBACKS,
  call: (...given: never[]) => number,
): bigint => library.registerCallback(CALLBACKS[kind], call as () => number)

/**
 * The address of bytes that must not move while it is used: those of a SharedArrayBuffer, or large
 * ones.
 */
export const addressOf = (bytes: Uint8Array): bigint => ffi.getRawPointer(bytes)

/** Bytes of OpenSSL's, copied. */
export const bytesAt = (address: bigint, bytes: number): Uint8Array =>
  new Uint8Array(ffi.toArrayBuffer(address, bytes, true))

export const readWord = (address: bigint): bigint => ffi.getUint64(address, 0)
export const writeWord = (address: bigint, value: bigint): void => ffi.setUint64(address, 0, value)
export const writeByte = (address: bigint, value: number): void => ffi.setUint8(address, 0, value)

/** SSL_get_error(3). */
export const SslError = { ssl: 1, wantRead: 2, wantWrite: 3, zeroReturn: 6 } as const

/** Commands of SSL_CTX_ctrl and SSL_ctrl, from openssl/ssl.h and tls1.h. */
export const Ctrl = {
  mode: 33,
  sessionCacheMode: 44,
  ticketKeys: 59,
  hostName: 55,
  statusCallback: 63,
  statusType: 65,
  statusResponse: 71,
  addChainCertificate: 89,
  minVersion: 123,
  maxVersion: 124,
} as const

export const Mode = { partialWrite: 1, movingWriteBuffer: 2, releaseBuffers: 16 } as const

export const Option = {
  noCompression: 1n << 17n,
  prioritizeChacha: 1n << 21n,
  serverPreference: 1n << 22n,
  noRenegotiation: 1n << 30n,
} as const

export const Verify = { none: 0, peer: 1, failWithout: 2 } as const

/** Flags of X509_VERIFY_PARAM_set_flags(3) and of names in X509_check_host(3). */
export const Check = { crl: 4n, crlAll: 8n, partialChain: 0x80000n } as const
export const Host = { noPartialWildcards: 4, neverSubject: 0x20 } as const
