/**
 * Certificates and keys, as they travel from the main thread to workers: down the worker's port,
 * before the table that asks for them, and never within a table. Nothing prints these values.
 *
 * All of them have been checked: they parse, and each key belongs to its certificate.
 */

/** A certificate and its key. */
export type Pair = {
  /** PEM, the leaf first. */
  readonly chain: Uint8Array
  /** PEM, not encrypted. */
  readonly key: Uint8Array
  /** A stapled answer of OCSP, in DER; null: none. */
  readonly ocsp: Uint8Array | null
}

/** What a TLS server or upstream (table/plan/tls.ts) finds by its `material` or `trust`. */
export type Material = {
  readonly id: string
  /** One for each kind of key; none for authorities alone. */
  readonly pairs: readonly Pair[]
  /** PEM; null: none. */
  readonly authorities: Uint8Array | null
  /** Revocation lists in PEM; null: none. */
  readonly crl: Uint8Array | null
  /** Keyed, so it says nothing of a key; the same for the same bytes, in one process. */
  readonly digest: string
}

/** The bytes of ticket keys: 16 of a name, 32 of an HMAC, 32 of AES. */
export const TICKET_KEY_BYTES = 80

/** The keys of session tickets, the same for all workers. */
export type TicketKeys = {
  readonly current: Uint8Array
  /** Tickets under it are still taken; null: none. */
  readonly previous: Uint8Array | null
}

/** All that workers need beside the table. It replaces what they had before. */
export type TlsSecrets = {
  readonly material: readonly Material[]
  readonly tickets: TicketKeys
}
