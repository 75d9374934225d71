/** The kinds that a server has: of Kubernetes itself, and of CustomResourceDefinitions. */

import type { KubeObject } from './object.ts'

export interface Kind {
  readonly group: string
  /** Those that are served, the preferred one first. They differ in name only. */
  readonly versions: readonly string[]
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly isNamespaced: boolean
  /** Whether the status is written at a path of its own, and nowhere else. */
  readonly hasStatus: boolean
  readonly isCustom: boolean
}

type Part = Partial<Kind> & Pick<Kind, 'kind' | 'plural'>

const builtIn = (part: Part): Kind => ({
  group: '',
  versions: ['v1'],
  singular: part.kind.toLowerCase(),
  shortNames: [],
  isNamespaced: true,
  hasStatus: false,
  isCustom: false,
  ...part,
})

const BUILT_IN: readonly Kind[] = [
  builtIn({
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    isNamespaced: false,
    hasStatus: true,
  }),
  builtIn({ kind: 'Node', plural: 'nodes', shortNames: ['no'], isNamespaced: false, hasStatus: true }),
  builtIn({ kind: 'Pod', plural: 'pods', shortNames: ['po'], hasStatus: true }),
  builtIn({ kind: 'Service', plural: 'services', shortNames: ['svc'], hasStatus: true }),
  builtIn({ kind: 'Endpoints', plural: 'endpoints', shortNames: ['ep'] }),
  builtIn({ kind: 'Secret', plural: 'secrets' }),
  builtIn({ kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'] }),
  builtIn({ kind: 'Event', plural: 'events', shortNames: ['ev'] }),
  builtIn({ kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: ['sa'] }),
  builtIn({ kind: 'EndpointSlice', plural: 'endpointslices', group: 'discovery.k8s.io' }),
  builtIn({ kind: 'Lease', plural: 'leases', group: 'coordination.k8s.io' }),
  builtIn({ kind: 'Event', plural: 'events', group: 'events.k8s.io' }),
  builtIn({
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    group: 'apiextensions.k8s.io',
    shortNames: ['crd', 'crds'],
    isNamespaced: false,
    hasStatus: true,
  }),
]

const keyOf = (group: string, plural: string): string => `${group}/${plural}`

/** What groups an older server has not, and which others in another version. */
export interface Older {
  readonly without?: readonly string[]
  readonly versions?: Readonly<Record<string, readonly string[]>>
}

export class Kinds {
  readonly #kinds: Map<string, Kind>

  constructor({ without = [], versions = {} }: Older = {}) {
    const kept = BUILT_IN.filter(({ group }) => !without.includes(group)).map(each => ({
      ...each,
      versions: versions[each.group] ?? each.versions,
    }))
    this.#kinds = new Map(kept.map(each => [keyOf(each.group, each.plural), each]))
  }

  all(): Kind[] {
    return [...this.#kinds.values()]
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    const kind = this.#kinds.get(keyOf(group, plural))
    return kind?.versions.includes(version) ? kind : undefined
  }

  /** By what an object says that it is. */
  ofObject({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): Kind {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
    const found = this.all().find(
      each => each.group === group && each.kind === kind && each.versions.includes(version),
    )
    if (!found)
      throw new Error(`no kind ${apiVersion} ${kind} here: define its CustomResourceDefinition first`)
    return found
  }

  /** Serves what a CustomResourceDefinition describes, in place of what it described before. */
  define(definition: KubeObject): Kind {
    const spec = definition.spec as Definition
    const served = spec.versions.filter(each => each.served)
    const kind: Kind = {
      group: spec.group,
      versions: served.map(each => each.name),
      kind: spec.names.kind,
      plural: spec.names.plural,
      singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
      shortNames: spec.names.shortNames ?? [],
      isNamespaced: spec.scope === 'Namespaced',
      hasStatus: served.some(each => each.subresources?.status),
      isCustom: true,
    }
    this.#kinds.set(keyOf(kind.group, kind.plural), kind)
    return kind
  }

  undefine({ group, plural }: Kind): void {
    this.#kinds.delete(keyOf(group, plural))
  }
}

export interface Definition {
  readonly group: string
  readonly scope: 'Namespaced' | 'Cluster'
  readonly names: {
    readonly kind: string
    readonly plural: string
    readonly singular?: string
    readonly shortNames?: readonly string[]
  }
  readonly versions: readonly {
    readonly name: string
    readonly served: boolean
    readonly subresources?: { readonly status?: object }
  }[]
}

export const apiVersionOf = (group: string, version: string): string =>
  group ? `${group}/${version}` : version
