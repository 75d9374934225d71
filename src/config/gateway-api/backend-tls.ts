/**
 * BackendTLSPolicy: TLS to a Service, for the routes of Gateway API.
 *
 * The oldest policy of a Service, or of one of its ports, applies, and a port's before the
 * Service's. One that cannot be used leaves its Service closed: plain text is no answer.
 */

import type { TlsUpstream } from '../../table/plan/tls.ts'
import { alpnOf } from '../plan/alpn.ts'
import type { SpokenTo } from '../plan/clusters.ts'
import type { AuthoritySource, Credentials } from '../plan/credentials.ts'
import type { Typed } from '../plan/inputs.ts'
import { serviceHost } from '../plan/names.ts'
import { portOfService, type Registry } from '../plan/registry.ts'
import { configMapKey, type SecretData } from '../plan/secrets.ts'
import type { BackendTlsSpec } from './inputs.ts'
import { type ApiBackend, type ApiPolicy, type ApiRoute, no, type Verdict, yes } from './model.ts'

type Known = {
  readonly registry: Registry
  readonly secrets: ReadonlyMap<string, SecretData>
}

type Checked = {
  readonly policy: Typed<BackendTlsSpec>
  readonly accepted: Verdict
  readonly resolvedRefs: Verdict
  readonly authorities: AuthoritySource | null
  readonly gateways: Set<string>
}

export class BackendPolicies {
  readonly #known: Known
  readonly #all: readonly Checked[]
  /** All that are for a Service, whether they apply or not. */
  readonly #byHost = new Map<string, Set<Checked>>()
  /** By host and port's name, which is '' for the whole Service. */
  readonly #byTarget = new Map<string, Checked>()

  constructor(policies: readonly Typed<BackendTlsSpec>[], known: Known) {
    this.#known = known
    this.#all = policies.map(policy => this.#check(policy))
    for (const each of this.#all) {
      const { namespace } = each.policy.resource.metadata
      for (const { name } of each.policy.value.targetRefs ?? [])
        this.#byHost.getOrInsertComputed(serviceHost(name, namespace), () => new Set()).add(each)
    }
  }

  get list(): ApiPolicy[] {
    return this.#all.map(({ policy, accepted, resolvedRefs, gateways }) => ({
      policy,
      accepted,
      resolvedRefs,
      gateways: [...gateways],
    }))
  }

  /** A Gateway has this route, so it has the policies of its backends. */
  use({ backends }: ApiRoute, gateway: string): void {
    for (const { host } of backends)
      for (const policy of this.#byHost.get(host) ?? []) policy.gateways.add(gateway)
  }

  /** null: no policy is for it. */
  of({ host, port }: ApiBackend, credentials: Credentials): SpokenTo | null {
    const service = this.#known.registry.exact(host)[0]
    const section = (service && portOfService(service, port)?.name) ?? ''
    const found = this.#byTarget.get(`${host} ${section}`) ?? this.#byTarget.get(`${host} `)
    if (!found) return null
    const { policy, accepted } = found
    const key = policy.resource.title
    return accepted.holds ? { key, tls: upstreamOf(found, credentials) } : { key, tls: 'refused' }
  }

  #check(policy: Typed<BackendTlsSpec>): Checked {
    const { resource, value } = policy
    const { namespace } = resource.metadata
    const { resolvedRefs, authorities } = this.#authorities(value, namespace)
    const checked = { policy, resolvedRefs, authorities, gateways: new Set<string>() }
    const { wellKnownCACertificates: wellKnown } = value.validation
    const targets = value.targetRefs ?? []
    const free = targets.filter(each => {
      const key = `${serviceHost(each.name, namespace)} ${each.sectionName ?? ''}`
      return each.group === '' && each.kind === 'Service' && !this.#byTarget.has(key)
    })
    const accepted = !resolvedRefs.holds
      ? no('NoValidCACertificate', resolvedRefs.message, resolvedRefs.path)
      : wellKnown && wellKnown !== 'System'
        ? no('Invalid', `weir knows the authorities of the system, not ${wellKnown}`, [
            'spec',
            'validation',
            'wellKnownCACertificates',
          ])
        : this.#targets(targets, free.length, namespace)
    for (const { name, sectionName = '' } of free)
      this.#byTarget.set(`${serviceHost(name, namespace)} ${sectionName}`, { ...checked, accepted })
    return { ...checked, accepted }
  }

  #targets(targets: NonNullable<BackendTlsSpec['targetRefs']>, free: number, namespace: string): Verdict {
    const path = ['spec', 'targetRefs', 0]
    const isThere = targets.some(
      ({ group, kind, name }) =>
        group === '' &&
        kind === 'Service' &&
        this.#known.registry.exact(serviceHost(name, namespace)).length > 0,
    )
    if (!isThere) return no('TargetNotFound', `there is no Service ${namespace}/${targets[0]?.name}`, path)
    if (free === 0) return no('Conflicted', 'an older policy has the same targets', path)
    return yes('Accepted', 'the policy is accepted')
  }

  /** The first reference that leads to an authority counts. */
  #authorities(
    { validation }: BackendTlsSpec,
    namespace: string,
  ): { resolvedRefs: Verdict; authorities: AuthoritySource | null } {
    const references = validation.caCertificateRefs ?? []
    if (references.length === 0)
      return { resolvedRefs: yes('ResolvedRefs', 'the system’s authorities are asked'), authorities: null }
    const path = ['spec', 'validation', 'caCertificateRefs', 0]
    const [{ group, kind, name }] = references
    const isRead = group === '' && (kind === 'ConfigMap' || kind === 'Secret')
    if (!isRead)
      return {
        resolvedRefs: no('InvalidKind', `authorities are in a ConfigMap or a Secret, not in a ${kind}`, path),
        authorities: null,
      }
    const id = `${namespace}/${name}`
    const data = this.#known.secrets.get(kind === 'ConfigMap' ? configMapKey(id) : id)
    const why = !data ? 'is not among the resources' : flawOf(data)
    if (why !== null)
      return { resolvedRefs: no('InvalidCACertificateRef', `${kind} ${id} ${why}`, path), authorities: null }
    const authorities = kind === 'ConfigMap' ? { configMap: id } : { secret: id, beside: false }
    return { resolvedRefs: yes('ResolvedRefs', `${kind} ${id} has an authority`), authorities }
  }
}

function flawOf(data: SecretData): string | null {
  const bytes = data.get('ca.crt')
  if (!bytes || bytes.length === 0) return 'has no ca.crt'
  return /-----BEGIN CERTIFICATE-----/.test(Buffer.from(bytes).toString('latin1'))
    ? null
    : 'has no PEM in ca.crt'
}

function upstreamOf({ policy, authorities }: Checked, credentials: Credentials): TlsUpstream {
  const { resource, value } = policy
  const { hostname, subjectAltNames = [] } = value.validation
  const path = ['spec', 'validation', 'caCertificateRefs', 0]
  const use = { name: resource.title, resource, path, server: null }
  const names = subjectAltNames.flatMap(each => each.hostname || each.uri || [])
  return {
    material: null,
    trust: authorities ? credentials.add([], authorities, use) : 'system',
    serverName: hostname,
    names: names.length > 0 ? names : [hostname],
    alpn: alpnOf(resource),
    minVersion: 'TLSV1_2',
    maxVersion: 'TLSV1_3',
  }
}
