/**
 * TLS of a hypothetical connection: the server that would end it, whether that takes the client's
 * certificate, what policies would read there, and how weir speaks to a destination.
 */

import type { Table } from '../format/table.ts'
import { tlsUpstreamOf } from '../format/tls.ts'
import { partOf } from '../match/identity.ts'
import type { CertifiedIdentity } from '../match/query.ts'
import { certifies, type TlsServer } from '../plan/tls.ts'

export type ExplainedTls = {
  /** "Gateway shop/edge servers[0]". */
  readonly server: string
  /** Whether clients have to show a certificate. */
  readonly clients: TlsServer['clients']
  /** Names of which a client's certificate must have one; empty: any. */
  readonly subjectAltNames: readonly string[]
  readonly minVersion: string
  readonly maxVersion: string
  readonly alpn: readonly string[]
  /** What policies read of the client; null: it has no verified certificate. */
  readonly identity: ExplainedIdentity | null
}

/** Of each kind, what there is; an unnamed certificate has nothing. */
export type ExplainedIdentity = {
  readonly name: string | null
  readonly principal: string | null
  readonly namespace: string | null
  readonly serviceAccount: string | null
  readonly trustDomain: string | null
}

export type ExplainedUpstream = {
  /** The name that weir sends; null: none. */
  readonly serverName: string | null
  /** Names of which the certificate must have one; empty: nothing is checked. */
  readonly names: readonly string[]
  /** Whether weir shows a certificate of its own. */
  readonly showsCertificate: boolean
  readonly authorities: 'system' | 'own' | 'none'
  readonly minVersion: string
  readonly maxVersion: string
  readonly alpn: readonly string[]
}

/** A verified certificate that nothing is said of. */
const UNNAMED: CertifiedIdentity = { subject: '', uri: '', names: [] }

/**
 * The identity that weir would know. Where a certificate is required and none is given, the client
 * has some; where none is asked for, what is given does not count.
 */
export function certifiedAs(
  server: TlsServer | null,
  identity: string | undefined,
): CertifiedIdentity | null {
  if (server === null || !certifies(server)) return null
  if (identity === undefined) return server.clients === 'required' ? UNNAMED : null
  return named(identity)
}

/** "spiffe://…" and other URIs, "CN=anna", and all else as a host or an address. */
function named(identity: string): CertifiedIdentity {
  if (/^[a-z][a-z\d+.-]*:/.test(identity)) return { ...UNNAMED, uri: identity, names: [`URI:${identity}`] }
  if (identity.includes('=')) return { ...UNNAMED, subject: identity }
  return { ...UNNAMED, names: [`DNS:${identity}`] }
}

/** Why the server refuses the client; null: it does not, or nothing is said of the certificate. */
export function certificateRefusal(server: TlsServer | null, identity: string | undefined): string | null {
  const names = server?.verify?.subjectAltNames ?? []
  if (server === null || identity === undefined || names.length === 0 || names.includes(identity)) return null
  return `${server.name} takes certificates with one of ${names.join(', ')} only`
}

export function explainServer(server: TlsServer, identity: CertifiedIdentity | null): ExplainedTls {
  const { name, clients, verify, minVersion, maxVersion, alpn } = server
  return {
    server: name,
    clients,
    subjectAltNames: verify?.subjectAltNames ?? [],
    minVersion,
    maxVersion,
    alpn,
    identity: identity && readOf(identity),
  }
}

const SPIFFE = 'spiffe://'

/** Policies read SPIFFE URIs alone. */
function readOf({ uri, subject, names }: CertifiedIdentity): ExplainedIdentity {
  const principal = uri.startsWith(SPIFFE) ? uri.slice(SPIFFE.length) : ''
  return {
    name: uri || subject || names[0]?.replace(/^DNS:/, '') || null,
    principal: principal || null,
    namespace: partOf(principal, 'namespace') || null,
    serviceAccount: partOf(principal, 'serviceAccount') || null,
    trustDomain: partOf(principal, 'trustDomain') || null,
  }
}

export function explainUpstream(table: Table, cluster: number): ExplainedUpstream | null {
  const upstream = tlsUpstreamOf(table, cluster)
  if (upstream === null) return null
  const { serverName, names, material, trust, minVersion, maxVersion, alpn } = upstream
  return {
    serverName: serverName || null,
    names,
    showsCertificate: material !== null,
    authorities: trust === 'system' ? 'system' : trust === 'none' ? 'none' : 'own',
    minVersion,
    maxVersion,
    alpn,
  }
}
