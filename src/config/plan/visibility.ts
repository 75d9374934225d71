/**
 * Which namespaces see a resource (`exportTo`), and the order of resources.
 *
 * Istio's order for a proxy is: resources private to its namespace, then those exported to it by
 * name, then public ones, each by age (pilot/pkg/model/push_context.go, initVirtualServices).
 */

import type { Resource } from '../resource.ts'

/** 'public', or the namespaces that see the resource; none at all for `~`. */
export type Visibility = 'public' | ReadonlySet<string>

/** 0 private to the viewer's namespace, 1 exported to it by name, 2 public. */
export type Tier = 0 | 1 | 2

export function readVisibility(exportTo: readonly string[] | undefined, ownNamespace: string): Visibility {
  if (!exportTo?.length || exportTo.includes('*')) return 'public'
  return new Set(exportTo.filter(name => name !== '~').map(name => (name === '.' ? ownNamespace : name)))
}

export const isVisible = (visibility: Visibility, namespace: string): boolean =>
  visibility === 'public' || visibility.has(namespace)

/** Whether any one namespace sees both. */
export function shareViewer(left: Visibility, right: Visibility): boolean {
  if (left === 'public') return right === 'public' || right.size > 0
  if (right === 'public') return left.size > 0
  return !left.isDisjointFrom(right)
}

/** The tier of a resource for a viewer; null if the viewer does not see it. */
export function tierFor(visibility: Visibility, ownNamespace: string, viewer: string): Tier | null {
  if (visibility === 'public') return 2
  if (!visibility.has(viewer)) return null
  return ownNamespace === viewer ? 0 : 1
}

const compare = <T>(left: T, right: T): number => (left < right ? -1 : left > right ? 1 : 0)

/**
 * Older first, then by name, namespace and reading order. A missing creation time counts as the
 * oldest, like Go's zero time.
 */
export const byAge = (left: Resource, right: Resource): number =>
  compare(
    left.metadata.createdMs ?? Number.NEGATIVE_INFINITY,
    right.metadata.createdMs ?? Number.NEGATIVE_INFINITY,
  ) ||
  compare(left.metadata.name, right.metadata.name) ||
  compare(left.metadata.namespace, right.metadata.namespace) ||
  left.ordinal - right.ordinal
