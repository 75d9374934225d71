/**
 * TLS to destinations: `tls` of a DestinationRule's effective policy.
 *
 * Istio checks no name and sends none where a TCP destination's rule names none, since only HTTP
 * brings one along (networking/core/cluster_tls.go); weir then takes the destination's own.
 */

import { parseAddress } from '../../address/address.ts'
import type { TlsUpstream } from '../../table/plan/tls.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Settings } from '../settings/settings.ts'
import { alpnOf } from './alpn.ts'
import type { AuthoritySource, Credentials, PairSource } from './credentials.ts'
import type { ClientTls, ServiceEntrySpec } from './inputs.ts'
import { namespaceOfHost } from './names.ts'
import type { PolicyPlaces, Spot } from './policy-places.ts'
import type { Service } from './service.ts'
import type { TlsServed } from './tls-served.ts'

type UpstreamInputs = {
  readonly places: PolicyPlaces
  readonly settings: Settings
  readonly credentials: Credentials
  readonly findings: Findings
  readonly served: TlsServed
}

/** A destination: the host of its cluster, and the service behind it. */
type Destination = { readonly host: string; readonly port: number; readonly service: Service }

export class TlsUpstreams {
  readonly #inputs: UpstreamInputs
  /** The blocks that have been reported. */
  readonly #reported = new Set<object>()
  readonly #spots = new Map<TlsUpstream, Spot>()

  constructor(inputs: UpstreamInputs) {
    this.#inputs = inputs
  }

  /** `refused`: the rule asks for a TLS that weir does not speak, and plain text is no answer. */
  of(tls: ClientTls | null | undefined, destination: Destination): TlsUpstream | 'refused' | null {
    const mode = tls?.mode ?? 'DISABLE'
    const spot = tls && this.#inputs.places.spotOf(tls)
    if (!tls || !spot || mode === 'DISABLE') return null
    if (mode === 'ISTIO_MUTUAL' || !this.#inputs.served.upstreams) {
      this.#refuse(tls, spot, mode, destination)
      return 'refused'
    }
    const upstream = this.#read(tls, spot, mode, destination)
    this.#spots.set(upstream, spot)
    return upstream
  }

  /** Where it is written. */
  spotOf(upstream: TlsUpstream): Spot | undefined {
    return this.#spots.get(upstream)
  }

  #refuse(tls: ClientTls, { resource, path }: Spot, mode: string, { host, port }: Destination): void {
    if (this.#reported.has(tls)) return
    this.#reported.add(tls)
    const why =
      mode === 'ISTIO_MUTUAL' ? 'which needs a certificate of the mesh' : 'which weir does not speak yet'
    const message = `${host}:${port} is to be spoken to by TLS of mode ${mode}, ${why}; plain text instead would be no answer`
    this.#inputs.findings.at('CFG506', resource, [...path, 'mode'], message)
  }

  #read(tls: ClientTls, spot: Spot, mode: string, destination: Destination): TlsUpstream {
    const { credentials } = this.#inputs
    const { resource, path } = spot
    const secret = tls.credentialName ? this.#secretOf(tls.credentialName, spot) : null
    const pairs = mode === 'MUTUAL' ? pairsOf(tls, secret) : []
    const skips = tls.insecureSkipVerify === true
    const authorities = skips ? null : authoritiesOf(tls, secret)
    if (authorities === null && tls.caCrl) this.#reportUnread(spot, skips)
    const use = {
      name: `${resource.title} for ${destination.host}:${destination.port}`,
      resource,
      path: secret === null ? path : [...path, 'credentialName'],
      server: null,
    }
    const id = pairs.length > 0 || authorities ? credentials.add(pairs, authorities, use) : null
    const own = ownNames(destination)
    return {
      material: pairs.length > 0 ? id : null,
      trust: skips ? 'none' : authorities && id ? id : 'system',
      serverName: tls.sni || own.find(each => parseAddress(each) === null) || '',
      names: skips ? [] : this.#namesOf(tls, spot, destination, own),
      alpn: alpnOf(resource),
      minVersion: 'TLSV1_2',
      maxVersion: 'TLSV1_3',
    }
  }

  /** The names of which the certificate must have one. */
  #namesOf(
    tls: ClientTls,
    { resource, path }: Spot,
    { service }: Destination,
    own: readonly string[],
  ): readonly string[] {
    if (tls.subjectAltNames?.length) return tls.subjectAltNames
    const { subjectAltNames = [] } = (service.resource.value.spec ?? {}) as Partial<ServiceEntrySpec>
    if (service.resource.kind === 'ServiceEntry' && subjectAltNames.length > 0) return subjectAltNames
    if (!this.#reported.has(tls)) {
      this.#reported.add(tls)
      const message = `the certificate must be for ${own.map(quote).join(' or ')}; Istio checks no name of a TCP destination`
      this.#inputs.findings.at('CFG507', resource, path, message)
    }
    return own
  }

  /** A list of revocations is asked with the authorities that sign it, which have to be named. */
  #reportUnread({ resource, path }: Spot, skips: boolean): void {
    const why = skips ? 'no certificate is checked' : "the system's authorities are trusted"
    const message = `caCrl revokes nothing, since ${why}; name the authority that signs it in caCertificates`
    this.#inputs.findings.at('CFG509', resource, [...path, 'caCrl'], message)
  }

  #secretOf(written: string, { resource, path }: Spot): string {
    const { credentials, settings } = this.#inputs
    const namespace = settings.workload?.namespace ?? resource.metadata.namespace
    return credentials.secretOf(written, namespace, resource, [...path, 'credentialName'])
  }
}

/** "db.shop.svc.cluster.local" and, for a Service, "db.shop.svc". */
function ownNames({ host, service }: Destination): string[] {
  const namespace = service.resource.kind === 'Service' ? namespaceOfHost(host) : ''
  return namespace === '' ? [host] : [host, `${host.split('.')[0]}.${namespace}.svc`]
}

function pairsOf(
  { clientCertificate = '', privateKey = '' }: ClientTls,
  secret: string | null,
): PairSource[] {
  return [secret === null ? { certificate: clientCertificate, privateKey } : { secret }]
}

/** null: the system's. */
function authoritiesOf(
  { caCertificates = '', caCrl }: ClientTls,
  secret: string | null,
): AuthoritySource | null {
  if (secret !== null) return { secret, beside: true }
  return caCertificates === '' || caCertificates === 'system'
    ? null
    : { file: caCertificates, crl: caCrl || null }
}
