/**
 * Drafts of resources: the objects of a document, with every `kind: List` expanded.
 *
 * `kubectl get -o yaml` prints a List whose items are whole resources; a typed list (`kind:
 * PodList`) comes from the API server itself, and its items omit apiVersion and kind, which the
 * list implies.
 */

import type { Findings, Locatable, Path, Place } from '../findings/diagnostic.ts'
import { describe } from '../findings/quote.ts'
import { kindOf } from '../kinds.ts'

export type Mapping = Readonly<Record<string, unknown>>

/** Finds places below the root of a document. */
type Locate = (path: Path) => Place

/** An object that may be a resource. */
export type Draft = Locatable & {
  readonly value: Mapping
  readonly apiVersion: unknown
  readonly kind: unknown
}

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Kinds without a namespace. */
const CLUSTER_WIDE: ReadonlySet<string> = new Set(['Namespace', 'Node', 'Settings', 'GatewayClass'])

export const isClusterWide = (kind: string): boolean => CLUSTER_WIDE.has(kind)

/** The objects of one document; `implied` has the apiVersion and kind of items that omit them. */
export function* expand(
  root: unknown,
  locate: Locate,
  findings: Findings,
  implied: { readonly apiVersion?: string; readonly kind?: string } = {},
): Generator<Draft> {
  if (!isMapping(root)) {
    findings.in('CFG020', locate([]), `the document is ${describe(root)}, not an object`)
    return
  }
  const { apiVersion = implied.apiVersion, kind = implied.kind } = root
  yield* expandDraft(draft(root, locate, apiVersion, kind), findings)
}

function* expandDraft(list: Draft, findings: Findings): Generator<Draft> {
  const { kind, value } = list
  const untyped = kind === 'List' && !isForeignList(list)
  if (!untyped && !isTypedList(list)) return yield list
  const items = value.items ?? []
  if (!Array.isArray(items)) {
    return findings.at('CFG020', list, ['items'], `items is ${describe(items)}, not a list`)
  }
  const implied = untyped ? [] : [list.apiVersion, itemKind(kind)]
  for (const [index, item] of items.entries()) {
    const at = ['items', index]
    if (isMapping(item)) {
      const { apiVersion = implied[0], kind = implied[1] } = item
      const locate: Locate = path => list.locate([...at, ...path])
      yield* expandDraft(draft(item, locate, apiVersion, kind), findings)
    } else findings.at('CFG020', list, at, `the item is ${describe(item)}, not an object`)
  }
}

const itemKind = (kind: unknown): string => String(kind).slice(0, -'List'.length)

/**
 * A list of a kind that weir reads; any other list is a resource of its own kind, whatever it
 * holds.
 */
const isTypedList = ({ apiVersion, kind, value }: Draft): boolean =>
  typeof kind === 'string' &&
  kind.endsWith('List') &&
  'items' in value &&
  typeof apiVersion === 'string' &&
  kindOf(apiVersion, itemKind(kind)).role !== 'other'

/** `kind: List` in another group is not Kubernetes' List. */
const isForeignList = ({ apiVersion }: Draft): boolean =>
  typeof apiVersion === 'string' && apiVersion.includes('/')

/** An object that is no part of a document. */
export const draftOf = (value: Mapping, locate: Locate): Draft =>
  draft(value, locate, value.apiVersion, value.kind)

function draft(value: Mapping, locate: Locate, apiVersion: unknown, kind: unknown): Draft {
  return { value, apiVersion, kind, title: titleOf(kind, value.metadata), locate }
}

/** As far as it is known: "VirtualService default/echo", "VirtualService", or nothing. */
function titleOf(kind: unknown, metadata: unknown): string {
  if (typeof kind !== 'string') return ''
  const { name, namespace = 'default' } = isMapping(metadata) ? metadata : {}
  if (typeof name !== 'string') return kind
  return isClusterWide(kind) ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}
