/**
 * Services as in files from Git: without the address that a cluster assigns, and without Pods or
 * EndpointSlices.
 *
 * Each of them would have a finding for its endpoints and, since it shares "every address" with the
 * others, one for its port: 799 in one real repository. They have one cause, so weir reports it
 * once, with a count (CFG417).
 */

import { type Findings, type Held, valueAt } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import { expandHost, serviceHost } from './names.ts'

/** Fewer than these are reported one by one. */
const MANY = 2
/** Services that the message names. */
const NAMED_MAX = 3
const HINT =
  'add the resources of the cluster: kubectl get services,endpointslices,pods -A -o yaml | weir check … -'

/** What a cluster derives from a Service and its Pods. */
const DERIVED: ReadonlySet<string> = new Set(['Pod', 'EndpointSlice', 'Endpoints'])

type Spec = {
  readonly clusterIP?: unknown
  readonly clusterIPs?: unknown
  readonly externalIPs?: unknown
  readonly selector?: unknown
  readonly type?: unknown
}

export class GitServices {
  /**
   * Services that select Pods, in namespaces without any Pod in the files; fewer than MANY: none.
   */
  readonly #bare: ReadonlySet<Resource>
  readonly #withoutEndpoint: Held[] = []
  readonly #withoutAddress: Held[] = []
  readonly #shared: Held[] = []
  readonly #routes: Held[] = []

  constructor(resources: readonly Resource[]) {
    const live = new Set(
      resources.filter(each => DERIVED.has(each.kind)).map(each => each.metadata.namespace),
    )
    const bare = resources.filter(
      each => each.kind === 'Service' && hasSelector(each) && !live.has(each.metadata.namespace),
    )
    this.#bare = new Set(bare.length < MANY ? [] : bare)
  }

  /** Whether the cause may explain a finding; if so, it is kept here. */
  takes(held: Held, resource: Resource): boolean {
    const list = this.#listFor(held, resource)
    list?.push(held)
    return list !== null
  }

  #listFor({ code, path }: Held, resource: Resource): Held[] | null {
    if (code === 'CFG405' && resource.kind === 'Service' && lacksAddress(resource)) return this.#shared
    if (this.#bare.size === 0) return null
    if (code === 'CFG459') return this.#routes
    if (code === 'CFG415' && resource.kind === 'Service') return this.#withoutAddress
    const isWhole = code === 'CFG404' && path[0] === 'metadata'
    return isWhole && this.#bare.has(resource) ? this.#withoutEndpoint : null
  }

  /** Reports the cause if there is one, and otherwise the kept findings. */
  settle(findings: Findings): void {
    const [first] = this.#withoutEndpoint
    if (first === undefined || this.#withoutEndpoint.length < MANY) {
      for (const each of [...this.#withoutAddress, ...this.#withoutEndpoint, ...this.#routes])
        findings.add(each)
      this.#settleShared(findings)
      return
    }
    const hosts = new Set(this.#withoutEndpoint.map(({ resource }) => hostOf(resource as Resource)))
    const lacks =
      this.#withoutAddress.length === 0
        ? 'no endpoint, as in files from Git; their connections are reset'
        : 'neither an address nor an endpoint, as in files from Git; they take connections to any address on their ports, which are reset'
    const shared = this.#shared.length
    const taken =
      shared === 0 ? '' : `; ${shared} share a port with an older one, which takes their connections`
    const message = `${hosts.size} Services have ${lacks}${taken} (${listOf([...hosts])})`
    findings.add({ ...first, code: 'CFG417', message, hint: HINT })
    for (const each of this.#routes) if (!hosts.has(destinationOf(each))) findings.add(each)
  }

  /** Services without an address that share a port, and have endpoints. */
  #settleShared(findings: Findings): void {
    const [first, ...others] = this.#shared
    if (first === undefined) return
    const more =
      others.length === 0 ? '' : `; ${others.length} more Services without an address have the same problem`
    findings.add({ ...first, message: first.message + more })
  }
}

const hostOf = ({ metadata }: Resource): string => serviceHost(metadata.name, metadata.namespace)

/** The host of the destination at the path of a finding. */
function destinationOf({ resource, path }: Held): string {
  const { host } = Object(valueAt(resource.value, path)) as { readonly host?: unknown }
  return expandHost(String(host), (resource as Resource).metadata.namespace)
}

function listOf(hosts: readonly string[]): string {
  const named = hosts.slice(0, NAMED_MAX).map(quote).join(', ')
  return hosts.length > NAMED_MAX ? `${named} and ${hosts.length - NAMED_MAX} more` : named
}

function hasSelector({ value }: Resource): boolean {
  const { selector } = specOf(value)
  return typeof selector === 'object' && selector !== null && Object.keys(selector).length > 0
}

function lacksAddress({ value }: Resource): boolean {
  const { clusterIP, clusterIPs, externalIPs } = specOf(value)
  const status = (value.status ?? {}) as { readonly loadBalancer?: { readonly ingress?: unknown } }
  return [clusterIP, clusterIPs, externalIPs, status.loadBalancer?.ingress].every(
    each => each === undefined || each === null || each === '' || (Array.isArray(each) && each.length === 0),
  )
}

const specOf = (value: Resource['value']): Spec => (value.spec ?? {}) as Spec
