/**
 * Digests of what a configuration decides: where only who clients are differs, a change is a
 * revision of the clients part, and rules, splits and endpoints stay as they are.
 */

import { createHash } from 'node:crypto'
import type { LoadedResource } from '../../config/load.ts'
import type { Settings } from '../../config/settings/settings.ts'
import { changeClients } from '../../table/build/clients.ts'
import { Header } from '../../table/format/layout.ts'
import { readWorkloads, type Table } from '../../table/format/table.ts'
import type { Plan } from '../../table/plan/plan.ts'
import { changedResources } from '../observe/changes.ts'

/** Workloads of nobody any more that a generation may keep, beside as many as there are. */
const GONE_MAX = 1_000

/**
 * The part that follows the served one; null where a generation has to begin anew, as most of its
 * workloads are gone: it keeps them, since what is recorded refers to them.
 */
export const clientsAfter = (served: Table, { sources }: Plan): SharedArrayBuffer | null =>
  readWorkloads(served).length > 2 * sources.length + GONE_MAX ? null : changeClients(served, sources)

/** Two digests: of who clients are, and of all else that is decided. */
export type Digests = { readonly clients: string; readonly rest: string }

/** @param live  Rows of clusters whose endpoints an API changes. */
export const digestsOf = (
  plan: Plan,
  { buffers }: Table,
  settings: Settings,
  live: ReadonlySet<number>,
): Digests => ({
  clients: digestOf(plan.sources),
  rest:
    live.size === 0
      ? digestOf(partsOf(plan, settings, live), new Uint8Array(buffers.routing, HEADER_BYTES))
      : digestOf(allOf(plan, settings, live)),
})

/** It has the generation. */
const HEADER_BYTES = Header.WORDS * 4

/**
 * Whether `after` says anew who clients are, and decides all else as `before` does. An edit that
 * changes neither is a generation, like any other.
 */
export const differOnlyInClients = (before: Digests | null, after: Digests): boolean =>
  before !== null && before.rest === after.rest && before.clients !== after.clients

/** Whether `after` decides all that `before` does. */
export const differNowhere = (before: Digests | null, after: Digests): boolean =>
  before !== null && before.rest === after.rest && before.clients === after.clients

/** Whether some Secret differs, and no other resource. */
export function differInSecrets(
  before: readonly LoadedResource[],
  after: readonly LoadedResource[],
): boolean {
  const { added, changed, removed } = changedResources(before, after)
  const titles = [...added, ...changed, ...removed]
  return titles.length > 0 && titles.every(each => each.startsWith('Secret '))
}

function digestOf(parts: Iterable<unknown>, bytes = new Uint8Array(new SharedArrayBuffer(0))): string {
  const digest = createHash('sha256').update(bytes)
  const some: unknown[] = []
  for (const part of parts) if (some.push(part) === AT_ONCE) digest.update(JSON.stringify(some.splice(0)))
  return digest.update(JSON.stringify(some)).digest('base64')
}

/** Parts for which one call costs little, and whose text is short. */
const AT_ONCE = 256

/** What the routing part of the table does not have, or not all of it. */
function* partsOf(
  { listeners, clusters, policies, limits, removals }: Plan,
  settings: Settings,
  live: ReadonlySet<number>,
) {
  yield [settings, policies, limits, removals]
  for (const { scopes: _, ...listener } of listeners) yield listener
  // What names resolve to, and what an API says, is the matter of revisions of endpoints.
  for (const [row, cluster] of clusters.entries()) {
    if (live.has(row)) yield { ...cluster, endpoints: [], labels: {} }
    else yield cluster.places ? { ...cluster, endpoints: [] } : cluster
  }
}

/** With rules and routes: the routing part also has the labels of live clusters. */
function* allOf(plan: Plan, settings: Settings, live: ReadonlySet<number>) {
  yield* partsOf(plan, settings, live)
  const { listeners, routes } = plan
  for (const { scopes } of listeners) {
    for (const { rules, ...scope } of scopes) {
      yield scope
      yield* rules
    }
  }
  yield* routes
}
