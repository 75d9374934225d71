/**
 * "Did you mean …?" for a host that no service has.
 *
 * The most frequent mistakes come first: a short name of a ServiceEntry, which nothing completes; a
 * name that is exported to others only; a trailing dot, capitals, a missing domain; the right name
 * in another namespace. Names are compared label by label, since their common domain makes all of
 * them similar.
 */

import { quote } from '../findings/quote.ts'
import { suggest } from '../findings/suggest.ts'
import { isWildcard, withDomain } from './names.ts'
import type { Registry } from './registry.ts'

/** Names that are compared letter by letter, for one hint. */
const COMPARED_MAX = 1000

export class HostHints {
  readonly #registry: Registry
  #index: {
    readonly byFirst: Names
    readonly byRest: Names
    readonly plain: ReadonlyMap<string, string>
  } | null = null

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** For a host, as written and in full, that namespace `viewer` does not see. */
  for(written: string, host: string, viewer: string): string | undefined {
    return (
      this.#short(written, host) ??
      this.#hidden(host) ??
      this.#spelling(host, viewer) ??
      this.#near(host, viewer)
    )
  }

  /**
   * Istio never completes a ServiceEntry's name, but completes every other: the two cannot match.
   */
  #short(written: string, host: string): string | undefined {
    const [service] = written === host ? [] : this.#registry.exact(written)
    return (
      service &&
      `${service.resource.title} has the host ${quote(written)}, which nothing else can name, since a name without a dot is completed: give it a name with a dot`
    )
  }

  #hidden(host: string): string | undefined {
    const [service] = this.#registry.exact(host)
    if (!service || service.visibility === 'public') return undefined
    const names = [...service.visibility]
    return `${service.resource.title} defines it, but exports it to ${names.length === 0 ? 'nobody' : `${names.join(', ')} only`}`
  }

  #spelling(host: string, viewer: string): string | undefined {
    const plain = host.replace(/\.$/, '').toLowerCase()
    const completed = [withDomain(plain), plain.endsWith('.svc') ? `${plain}.cluster.local` : '']
    for (const text of [plain, ...completed]) {
      const known = this.#names().plain.get(text)
      if (known === undefined || known === host || !this.#isSeen(known, viewer)) continue
      const because = text === plain ? '' : 'a name with a dot counts as complete: '
      return `${because}did you mean ${quote(known)}?`
    }
    return undefined
  }

  #near(host: string, viewer: string): string | undefined {
    const { byFirst, byRest } = this.#names()
    const [first, rest] = split(host)
    const labels = (byRest.get(rest) ?? []).slice(0, COMPARED_MAX).map(each => split(each)[0])
    const label = suggest(first, labels)
    const alike = label === null ? undefined : `${label}${rest}`
    const elsewhere = byFirst.get(first) ?? []
    const nearest =
      alike ??
      suggest(host, elsewhere.slice(0, COMPARED_MAX)) ??
      (elsewhere.length === 1 ? elsewhere[0] : null)
    return nearest !== null && this.#isSeen(nearest, viewer) ? `did you mean ${quote(nearest)}?` : undefined
  }

  #isSeen(host: string, viewer: string): boolean {
    return this.#registry.find(host, viewer) !== null
  }

  #names() {
    if (this.#index === null) {
      const hosts = [...this.#registry.hosts()].filter(host => !isWildcard(host))
      this.#index = {
        byFirst: Map.groupBy(hosts, host => split(host)[0]),
        byRest: Map.groupBy(hosts, host => split(host)[1]),
        plain: new Map(hosts.map(host => [host.toLowerCase(), host])),
      }
    }
    return this.#index
  }
}

type Names = ReadonlyMap<string, readonly string[]>

/** "db.shop.svc.cluster.local" → "db" and ".shop.svc.cluster.local". */
function split(host: string): [first: string, rest: string] {
  const dot = host.indexOf('.')
  return dot < 0 ? [host, ''] : [host.slice(0, dot), host.slice(dot)]
}
