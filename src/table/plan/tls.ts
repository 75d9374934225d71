/**
 * TLS that weir speaks itself: to the clients of a Gateway's server, and to a destination.
 *
 * The table knows what is asked for, and the ids of the material (../../tls/material.ts) that it
 * takes. Certificates and private keys are never part of a Plan or of a table.
 */

export const TLS_VERSIONS = ['TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'] as const
export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** What both ends have. */
type TlsTerms = {
  /** Protocols, the preferred one first; empty: none is chosen, or offered. */
  readonly alpn: readonly string[]
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
}

/** A Gateway's server that terminates TLS. */
export type TlsServer = TlsTerms & {
  /** For people: "Gateway shop/edge servers[0]". */
  readonly name: string
  /** Its certificates, and the authorities of its clients. */
  readonly material: string
  /** Whether clients have to show a certificate; `optional`: one that is shown has to be right. */
  readonly clients: 'none' | 'optional' | 'required'
  /** What a client's certificate has to fulfil; null with `clients: none`. */
  readonly verify: ClientChecks | null
  /** OpenSSL's names, for TLS 1.2 and before; empty: the default ones. */
  readonly ciphers: readonly string[]
}

/** Whether its clients can have an identity: that of a certificate which weir has verified. */
export const certifies = (server: TlsServer | undefined): boolean =>
  server !== undefined && server.clients !== 'none' && server.verify?.insecureSkipVerify !== true

export type ClientChecks = {
  /** A certificate of an unknown authority is accepted, too. */
  readonly insecureSkipVerify: boolean
  /** One of these is one of the certificate's names; empty: any. */
  readonly subjectAltNames: readonly string[]
  /** SHA-256 of the public key (SubjectPublicKeyInfo) in base64; empty: any. */
  readonly spki: readonly string[]
  /** SHA-256 of the certificate as DER, in lower-case hexadecimal without colons; empty: any. */
  readonly hashes: readonly string[]
}

/** A destination that weir speaks TLS to. */
export type TlsUpstream = TlsTerms & {
  /** weir's own certificate for it; null: none. */
  readonly material: string | null
  /** Authorities: `system`, the machine's; `none`, nothing is checked; else a material's id. */
  readonly trust: 'system' | 'none' | (string & {})
  /** The name that is sent; '': none. */
  readonly serverName: string
  /** One of these is one of the certificate's names; empty with `trust: none` only. */
  readonly names: readonly string[]
}
