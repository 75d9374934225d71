/**
 * What has to hold of policies and of limits for each source: nobody goes where a policy denies it,
 * no source has more than its limit, and each place of a source is given back.
 */

import { contains, type Family, formatAddress, parseAddress, wordMask } from '../../src/address/address.ts'
import { Live, LiveHead, liveAt, openConnections } from '../../src/stats/connections.ts'
import { connectionsOf, sourceTableFull } from '../../src/stats/source-table.ts'
import { ROW_SOURCES } from '../../src/stats/sources.ts'
import { NO_ROUTE } from '../../src/table/format/outcome.ts'
import type { PlannedLimit } from '../../src/table/plan/access.ts'
import type { Listener, Plan } from '../../src/table/plan/plan.ts'
import { naiveAuthorize } from '../support/naive-authorize.ts'
import { naiveMatch } from '../support/naive-match.ts'
import type { Client, Ended, Scene } from './oracle.ts'
import { isSender } from './senders.ts'
import { certificateOf } from './servers.ts'

/** Ends of connections that may not go on, though routing might have somewhere for them. */
const BARRED: ReadonlySet<string> = new Set(['source-limit', 'denied-by-policy'])
export const isBarred = (ended: Pick<Ended, 'reason' | 'words'>): boolean =>
  BARRED.has(ended.reason) && !isRevoked(ended)

/** It was let in, and policies that came later deny it. */
const isRevoked = ({ reason, words }: Pick<Ended, 'reason' | 'words'>): boolean =>
  reason === 'denied-by-policy' && words[Live.route] !== NO_ROUTE

/** A connection as policies see it, if it was taken for this client. */
type Asking = Parameters<typeof naiveAuthorize>[1] & { readonly isTls: boolean }

// ── places of sources

type Limited = { readonly limit: PlannedLimit; readonly key: string }

/** The limit of a row's listener, and its source; `limit` as in ROW_SOURCES. */
function limitedBy({ gateway }: Scene, words: Int32Array, at: number, limit: number): Limited | null {
  const { listeners, limits = [] } = gateway.plans[words[at + Live.generation] - 1]
  const planned = limits[listeners[words[at + Live.listener]].limits?.[limit] ?? -1]
  if (planned === undefined) return null
  const family = words[at + Live.clientFamily] as Family
  const bits = family === 4 ? planned.prefix4 : planned.prefix6
  const prefix = Array.from({ length: 4 }, (_, word) => words[at + Live.client + word] & wordMask(bits, word))
  return { limit: planned, key: `${planned.gateway} ${formatAddress(family, prefix)}` }
}

/** A load balancer that speaks for itself has no limit. */
function isBalancer({ gateway, proxied }: Scene, words: Int32Array, at: number): boolean {
  if (words[at + Live.peerFamily] !== 0) return false
  const { port } = gateway.plans[words[at + Live.generation] - 1].listeners[words[at + Live.listener]]
  const client = new Uint32Array(words.slice(at + Live.client, at + Live.client + 4))
  return isSender(proxied.get(port), { family: words[at + Live.clientFamily] as Family, words: client, port })
}

/** While connections are open, and once none is: who counts, and for whom. */
export function checkPlaces(scene: Scene): void {
  const { gateway, onBug } = scene
  const counted = new Map<number, number>()
  const sources = new Map<string, { open: number; most: number }>()
  const isFull = sourceTableFull(gateway.sources) > 0
  for (const { connections } of gateway.journals) {
    const { words } = openConnections(connections)
    for (let row = 0; row < words[LiveHead.used]; row++) {
      const at = liveAt(row)
      const isAdmitted = words[at + Live.state] > 1 // not being read from
      for (const [index, place] of ROW_SOURCES.entries()) {
        const has = words[at + place]
        if (has > 0) counted.set(has - 1, (counted.get(has - 1) ?? 0) + 1)
        if (!isAdmitted) continue
        const limited = limitedBy(scene, words, at, index)
        if (limited === null || isBalancer(scene, words, at)) {
          if (has > 0) onBug('a connection without a limit has a place of a source')
        } else if (has === 0 && !isFull) onBug('a connection of a limited source has no place')
        else if (has > 0) {
          const { open, most } = sources.get(limited.key) ?? { open: 0, most: 0 }
          sources.set(limited.key, { open: open + 1, most: Math.max(most, limited.limit.connections) })
        }
      }
    }
  }
  // The last one that came found so many places, and all others of these were there.
  for (const [key, { open, most }] of sources)
    if (open > most) onBug(`source ${key} has ${open} connections of ${most}`)
  for (let entry = 0; entry < gateway.sources.capacity; entry++) {
    const open = connectionsOf(gateway.sources, entry)
    if (open !== (counted.get(entry) ?? 0)) onBug(`a source counts ${open} of ${counted.get(entry) ?? 0}`)
  }
}

/** Who ends by a limit had as many beside it, or a limit of new ones a second. */
export function checkSourceLimit(scene: Scene, record: Ended, records: readonly Ended[], who: string): void {
  if (record.reason !== 'source-limit') return
  const { words } = record
  if (isBalancer(scene, words, 0)) scene.onBug(`${who}: load balancers have no limit`)
  const may = ROW_SOURCES.some((_, index) => {
    const limited = limitedBy(scene, words, 0, index)
    if (limited === null) return false
    if (limited.limit.rate > 0) return true
    const others = records.filter(
      other => isBeside(scene, other, record) && hasKey(scene, other, limited.key),
    )
    return others.length >= limited.limit.connections
  })
  if (!may) scene.onBug(`${who}: its source had fewer connections`)
}

const hasKey = (scene: Scene, { words }: Ended, key: string): boolean =>
  ROW_SOURCES.some((_, index) => limitedBy(scene, words, 0, index)?.key === key)

/** Whether one may have had a place when another was decided about. */
function isBeside({ lateMs }: Scene, one: Ended, other: Ended): boolean {
  if (one === other || isBarred(one) || one.words[Live.clientFamily] === 0) return false
  const time = ({ numbers }: Ended, field: number): number => numbers[field / 2]
  const isBefore = time(one, Live.acceptedMs) <= time(other, Live.endedMs)
  return isBefore && time(one, Live.endedMs) + lateMs >= time(other, Live.acceptedMs)
}

// ── policies

/**
 * The naive answer, by what was in force: a table of its listener, and the newest of its worker.
 *
 * @param taken  Whether it may have been taken for a TLS client, and for a plain one.
 * @param plans  Of the record's generation, what was in force.
 */
export function checkPolicies(
  scene: Scene,
  record: Ended,
  client: Client,
  taken: readonly boolean[],
  plans: readonly Plan[],
  who: string,
): void {
  const { gateway, onBug } = scene
  const { words, numbers, reason } = record
  const wasRouted = words[Live.route] !== NO_ROUTE
  if (isBarred(record) && (wasRouted || words[Live.cluster] >= 0 || words[Live.endpointFamily] !== 0))
    onBug(`${who}: it was routed`)
  const isLetIn = isRevoked(record)
  if (isLetIn) checkRevoked(scene, record, who)
  const isDenied = reason === 'denied-by-policy' && !isLetIn
  if (!isDenied && !wasRouted) return
  const generation = words[Live.generation]
  const listener = gateway.plans[generation - 1].listeners[words[Live.listener]]
  const certificate = certificateOf(gateway.plans[generation - 1], listener, client.peer)
  const askings = taken.map(isTls => askingOf(record, client, isTls, certificate))
  const says = (plan: Plan, denied: boolean) =>
    askings.some(asking => (denied ? isDeniedBy : mayGoOn)(plan, listener, asking))
  const since = (least: number) =>
    gateway.versions
      .filter(each => each.generation >= least && each.sinceMs <= numbers[Live.endedMs / 2])
      .map(each => each.plan)
  const newest = newestOf(scene, record, client)
  const by = words[Live.policyGeneration]
  if (isDenied && by !== 0 && by < Math.max(newest, generation + 1))
    onBug(`${who}: denied by generation ${by}, when ${newest} was there`)
  if (isDenied && !(by === 0 ? plans : since(by)).some(plan => says(plan, true)))
    onBug(`${who}: no policy denies it`)
  if (isDenied) return
  if (!plans.some(plan => says(plan, false))) onBug(`${who}: policies of generation ${generation} deny it`)
  if (newest > generation && !since(newest).some(plan => says(plan, false)))
    onBug(`${who}: policies of generation ${newest} deny it, and its worker had them`)
  checkOutlived(scene, record, client, askings, who)
}

/** It was told to end, by those policies. */
function checkRevoked({ gateway, onBug }: Scene, { words, numbers }: Ended, who: string): void {
  const by = gateway.revocations?.ending.get(numbers[Live.id / 2])
  if (!by?.includes(words[Live.policyGeneration]))
    onBug(`${who}: generation ${words[Live.policyGeneration]} has not revoked it`)
}

/** Once every worker has policies that revoke, nobody whom they deny stays. */
function checkOutlived(
  { gateway, lateMs, onBug }: Scene,
  { reason, words, numbers }: Ended,
  { peer }: Client,
  askings: readonly Asking[],
  who: string,
): void {
  if (reason === 'worker-lost' || gateway.revocations === null) return
  const listener = gateway.plans[words[Live.generation] - 1].listeners[words[Live.listener]]
  const [acceptedMs, endedMs] = [numbers[Live.acceptedMs / 2], numbers[Live.endedMs / 2]]
  for (const { version, atMs, dueMs } of gateway.revocations.searches) {
    const { generation, plan } = version
    if (generation <= words[Live.generation] || endedMs <= dueMs + CLOSING_MS + lateMs) continue
    // Who is still read from then is decided about later, by what is in force then.
    const isRead = peer.preface !== null || peer.opening !== null || peer.shake !== null
    const isDecided = !isRead && acceptedMs <= atMs
    const isNewest = !gateway.versions.some(each => each.generation > generation && each.sinceMs <= endedMs)
    const same = sameListener(plan, listener)
    if ((isDecided || isNewest) && same && askings.every(asking => isDeniedBy(plan, same, asking)))
      onBug(`${who}: generation ${generation} has revoked it ${endedMs - atMs} ms ago`)
  }
}

const CLOSING_MS = 60

/** The listener of a plan that has the name of another plan's. */
export const sameListener = (plan: Plan, { gateway, bind, port }: Listener): Listener | undefined =>
  plan.listeners.find(each => each.gateway === gateway && each.bind === bind && each.port === port)

/** What its worker had at the latest when the last byte came that is read before the decision. */
function newestOf({ gateway }: Scene, { worker, numbers }: Ended, { peer }: Client): number {
  const decidedMs = Math.max(numbers[Live.acceptedMs / 2], peer.askedMs)
  const had = gateway.adoptions.filter(each => each.worker === worker && each.atMs < decidedMs)
  return had.at(-1)?.generation ?? 0
}

function askingOf(
  { words }: Ended,
  { peer }: Client,
  isTls: boolean,
  certificate: Asking['certificate'],
): Asking {
  const name = (family: number, field: number): string =>
    formatAddress(words[family] === 6 ? 6 : 4, words, field)
  const client = name(Live.clientFamily, Live.client)
  return {
    client,
    peer: words[Live.peerFamily] === 0 ? client : name(Live.peerFamily, Live.peer),
    destination: name(Live.destinationFamily, Live.destination),
    port: words[Live.destinationPort],
    serverName: isTls ? peer.serverName : '',
    certificate,
    workload: null,
    isTls,
  }
}

const listenerAt = ({ listeners }: Plan, { bind, port }: Listener): Listener | undefined =>
  listeners.find(each => each.bind === bind && each.port === port)

/** Whether a plan's listener at the same place denies it. */
export function isDeniedBy(plan: Plan, place: Listener, asking: Asking): boolean {
  const listener = listenerAt(plan, place)
  if (listener === undefined) return false
  const policies = (listener.policies ?? []).map(index => (plan.policies ?? [])[index])
  const workload = { namespace: namespaceOf(plan, asking.client), serviceAccount: '' }
  return naiveAuthorize(policies, { ...asking, port: place.port, workload }).denied !== null
}

/** Nor is it denied where the listener has no server for its name, so that there is no route. */
function mayGoOn(plan: Plan, place: Listener, asking: Asking): boolean {
  if (!isDeniedBy(plan, place, asking)) return true
  const listener = listenerAt(plan, place)
  if (listener?.reads === undefined) return false
  const query = { ...asking, gateway: listener.gateway, port: listener.port }
  return naiveMatch({ ...plan, listeners: [{ ...listener, bind: '' }] }, query).route === NO_ROUTE
}

function namespaceOf({ sources }: Plan, client: string): string {
  const address = parseAddress(client)
  const around = sources.filter(({ cidr }) => address && contains(cidr, address.family, address.words))
  return around.sort((one, other) => other.cidr.bits - one.cidr.bits)[0]?.namespace ?? ''
}
