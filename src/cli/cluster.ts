/**
 * --kubernetes: a cluster's API as a source, for `weir run` to follow, and for other commands to
 * read once.
 */

import type { ApiEntry } from '../config/api-objects.ts'
import type { Settings } from '../config/settings/settings.ts'
import { objectKey } from '../config/text/read-objects.ts'
import { outerAddresses } from '../kernel/own-addresses.ts'
import type { Sources } from '../source/files/files.ts'
import { ClusterCache } from '../source/kubernetes/cache.ts'
import type { Identity } from '../source/kubernetes/identity.ts'
import { findIdentity, type IdentityOptions } from '../source/kubernetes/kubeconfig.ts'
import type { NeedsSettings } from '../source/kubernetes/needs.ts'
import { KubernetesSource } from '../source/kubernetes/source.ts'
import type { Env } from './env.ts'
import { NoAnswer } from './live/answered.ts'
import { settingsIn } from './second-instance.ts'

export type ClusterFlags = {
  readonly kubernetes?: boolean
  readonly kubeconfig?: string
  readonly context?: string
  readonly cache?: string
}

/** Callbacks of the source. Only with `onTrouble` does it write status. */
type ClusterTell = Pick<
  ConstructorParameters<typeof KubernetesSource>[0],
  'onState' | 'onPolled' | 'onTrouble' | 'onCached'
>

/** A command that reads once gives up when the API has not answered by then. */
const READ_MS_MAX = 60_000
/** When it says what it waits for. */
const TELL_MS = 1_000
/** Kinds that are named. */
const NAMED_MAX = 3

/** The cluster that the flags name, not yet asked. @throws NoAnswer */
export function clusterOf(
  { kubeconfig, context, cache }: ClusterFlags,
  sources: Sources,
  { variables }: Env,
  tell: ClusterTell = {},
): KubernetesSource {
  const settings = settingsIn(sources)
  const identity = identityOf({ variables, kubeconfig, context })
  return new KubernetesSource({
    identity,
    cache: cache === undefined ? null : new ClusterCache(cache, identity.server.href),
    settings: {
      namespaces: settings.kubernetes.namespaces,
      gatewaySelector: settings.kubernetes.gatewaySelector,
      gatewayClass: settings.kubernetes.gatewayClass,
      status: tell.onTrouble !== undefined && settings.kubernetes.status,
      addresses: { given: settings.kubernetes.addresses, own: outerAddresses() },
      ...needsSettings(settings),
    },
    ...tell,
  })
}

/** The Settings that decide what else weir reads. */
export const needsSettings = ({ authorization, locality, workload }: Settings): NeedsSettings => ({
  identity: authorization.identity,
  hasLocality: locality !== null,
  namespace: workload?.namespace ?? null,
})

function identityOf(options: IdentityOptions): Identity {
  try {
    return findIdentity(options)
  } catch (error) {
    throw new NoAnswer(error instanceof Error ? error.message : String(error))
  }
}

/** The sources with what the cluster has now. @throws NoAnswer */
export async function withCluster(sources: Sources, flags: ClusterFlags, env: Env): Promise<Sources> {
  const troubles = new Map<string, string>()
  const cluster = clusterOf(flags, sources, env, {
    onState: ({ title, trouble }) => troubles.set(title, trouble),
  })
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new NoAnswer(unreadText(cluster, troubles))), READ_MS_MAX)
  const telling = setTimeout(() => {
    const why = troublesText(troubles)
    const most = `for at most ${READ_MS_MAX / 1000} s`
    if (why !== '') env.stderr.write(`${cluster.server} is asked again, ${most}: ${why}\n`)
  }, TELL_MS)
  try {
    await Promise.race([cluster.begin(), promise])
    return { ...sources, objects: entriesOf(cluster) }
  } finally {
    clearTimeout(timer)
    clearTimeout(telling)
    await cluster.close()
  }
}

function entriesOf(cluster: KubernetesSource): ApiEntry[] {
  const entries = cluster
    .current()
    .changed.map(object => ({ key: objectKey(object), object, lastGood: null }))
  return entries.sort((left, right) => (left.key < right.key ? -1 : 1))
}

const unreadText = (cluster: KubernetesSource, troubles: ReadonlyMap<string, string>): string =>
  `${cluster.server} was not read within ${READ_MS_MAX / 1000} s: ${troublesText(troubles) || 'no answer'}`

/** Each trouble once, with the kinds that have it. */
function troublesText(troubles: ReadonlyMap<string, string>): string {
  const failing = [...troubles].filter(([, trouble]) => trouble !== '')
  const same = Map.groupBy(failing, ([, trouble]) => trouble)
  return [...same].map(([trouble, kinds]) => `${trouble} (${namedText(kinds)})`).join('; ')
}

function namedText(kinds: readonly (readonly [string, string])[]): string {
  const named = kinds.slice(0, NAMED_MAX).map(([title]) => title)
  const rest = kinds.length - named.length
  return `${named.join(', ')}${rest > 0 ? ` and ${rest} others` : ''}`
}
