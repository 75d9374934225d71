/**
 * Gateway servers that terminate TLS: what the table is told of them.
 *
 * The rules are istiod's (research: networking/core/listener.go, buildGatewayListenerTLSContext);
 * unlike Istio, weir honours pins of keys and certificates for files, too, and chooses no protocol
 * by ALPN unless the Gateway names some.
 */

import { type ClientChecks, TLS_VERSIONS, type TlsServer, type TlsVersion } from '../../table/plan/tls.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import { isCipherName } from '../validate/server-tls.ts'
import { alpnOf } from './alpn.ts'
import type { AuthoritySource, Credentials, PairSource } from './credentials.ts'
import type { GatewaySpec } from './inputs.ts'

export type WrittenTls = NonNullable<NonNullable<GatewaySpec['servers']>[number]['tls']>

/** By mode, whether clients have to show a certificate; other modes terminate nothing here. */
const CLIENTS: Readonly<Record<string, TlsServer['clients']>> = {
  SIMPLE: 'none',
  MUTUAL: 'required',
  OPTIONAL_MUTUAL: 'optional',
}

/** Whether weir can terminate TLS of this mode. */
export const terminates = (mode: string | undefined): boolean => Object.hasOwn(CLIENTS, mode ?? '')

/** Where the server is written, and which clients come to it. */
type Place = {
  readonly resource: Resource
  readonly path: Path
  readonly bind: string
  readonly port: number
  readonly names: readonly string[]
  /** Where the certificate is named, if that is no field of `tls`. */
  readonly credentialPath?: Path
}

/** Of a server with such a mode. */
export function tlsServerOf(
  { resource, path: at, bind, port, names, credentialPath }: Place,
  tls: WrittenTls,
  settings: Settings,
  credentials: Credentials,
): TlsServer {
  const name = `${resource.title} ${at.at(-2)}[${at.at(-1)}]`
  const clients = CLIENTS[tls.mode ?? '']
  const path = [...at, 'tls']
  const reading = new Reading(resource, path, tls, settings, credentials)
  const pairs = reading.pairs()
  const authorities = clients === 'none' ? null : reading.authorities()
  const source = SOURCES.find(field => tls[field] !== undefined && tls[field].length > 0)
  // What another namespace has granted may be taken back: only who still has it may keep it.
  const own = `${credentialPath ? resource.metadata.namespace : reading.namespace}/`
  const granted = pairs.flatMap(each => ('secret' in each && !each.secret.startsWith(own) ? each.secret : []))
  const server = JSON.stringify([resource.title, bind, port, names.toSorted(), clients, granted.toSorted()])
  const where = credentialPath ?? (source ? [...path, source] : path)
  const use = { name, resource, path: where, server }
  return {
    name,
    material: credentials.add(pairs, authorities, use),
    clients,
    verify: clients === 'none' ? null : checksOf(tls),
    alpn: alpnOf(resource),
    minVersion: versionOf(tls.minProtocolVersion, 'TLSV1_2'),
    maxVersion: versionOf(tls.maxProtocolVersion, 'TLSV1_3'),
    ciphers: [...new Set((tls.cipherSuites ?? []).filter(isCipherName))],
  }
}

const SOURCES = ['credentialName', 'credentialNames', 'tlsCertificates', 'serverCertificate'] as const

class Reading {
  readonly #resource: Resource
  readonly #path: Path
  readonly #tls: WrittenTls
  readonly namespace: string
  readonly #credentials: Credentials

  constructor(resource: Resource, path: Path, tls: WrittenTls, settings: Settings, credentials: Credentials) {
    this.#resource = resource
    this.#path = path
    this.#tls = tls
    this.namespace = settings.workload?.namespace ?? resource.metadata.namespace
    this.#credentials = credentials
  }

  pairs(): PairSource[] {
    const { tlsCertificates = [], serverCertificate = '', privateKey = '' } = this.#tls
    const secrets = this.#secrets()
    if (secrets.length > 0) return secrets.map(secret => ({ secret }))
    const files = tlsCertificates.length > 0 ? tlsCertificates : [{ serverCertificate, privateKey }]
    return files.map(each => ({
      certificate: each.serverCertificate ?? '',
      privateKey: each.privateKey ?? '',
    }))
  }

  authorities(): AuthoritySource {
    const { caCertCredentialName, caCertificates = '', caCrl } = this.#tls
    if (caCertCredentialName)
      return { secret: this.#secretOf(caCertCredentialName, 'caCertCredentialName'), beside: false }
    const [secret] = this.#secrets()
    return secret === undefined ? { file: caCertificates, crl: caCrl || null } : { secret, beside: true }
  }

  #secrets(): string[] {
    const { credentialName, credentialNames = [] } = this.#tls
    if (credentialName) return [this.#secretOf(credentialName, 'credentialName')]
    return credentialNames.map((each, index) => this.#secretOf(each, 'credentialNames', index))
  }

  #secretOf(written: string, ...field: Path): string {
    return this.#credentials.secretOf(written, this.namespace, this.#resource, [...this.#path, ...field])
  }
}

const checksOf = ({
  subjectAltNames = [],
  verifyCertificateSpki = [],
  verifyCertificateHash = [],
}: WrittenTls): ClientChecks => ({
  insecureSkipVerify: false,
  subjectAltNames,
  spki: verifyCertificateSpki,
  hashes: verifyCertificateHash.map(each => each.replaceAll(':', '').toLowerCase()),
})

const versionOf = (written: string | undefined, otherwise: TlsVersion): TlsVersion =>
  TLS_VERSIONS.find(each => each === written) ?? otherwise
