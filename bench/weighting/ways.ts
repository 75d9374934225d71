/**
 * The kinds of splits that `weighting` compares, and a gateway with a listener for each of them.
 */

import type { Shared } from '../../src/table/match/pick.ts'
import { CLIENT_WORDS } from '../../src/table/match/sticky.ts'
import type { Split } from '../../src/table/plan/plan.ts'
import {
  destinationsText,
  documents,
  gatewayText,
  routesText,
  type SettingsText,
  serverText,
  settingsText,
} from '../config/documents.ts'
import { freePort } from '../load/free-port.ts'

export type Way = {
  readonly name: string
  readonly split: Split
  readonly weights: readonly number[]
}

/** What workers share of a table with one split of each kind. */
export const createShared = (): Shared => ({
  tickets: new Int32Array(new SharedArrayBuffer(8)),
  clients: new Int32Array(new SharedArrayBuffer(8 * CLIENT_WORDS)),
})

/** Weights of 1 to 50, unordered. */
export const unequal = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => 1 + ((index * 37) % 50))

export const DESTINATIONS_MOST = 100
export const ONE: Way = { name: 'one destination', split: 'random', weights: [1] }
/** The same again: the difference between two equal listeners. */
export const AGAIN: Way = { ...ONE, name: 'one destination, again' }
export const WEIGHTED: readonly Way[] = [
  { name: '80:20', split: 'random', weights: [80, 20] },
  { name: '100 ways', split: 'random', weights: unequal(DESTINATIONS_MOST) },
  { name: '80:20, exact', split: 'exact', weights: [80, 20] },
  { name: '80:20, sticky', split: 'sticky', weights: [80, 20] },
]

export type Listening = { readonly way: Way; readonly port: number }

/** A free port for each way. */
export async function listeningFor(ways: readonly Way[]): Promise<Listening[]> {
  const found: Listening[] = []
  for (const way of ways) {
    let port = await freePort()
    while (found.some(each => each.port === port)) port = await freePort()
    found.push({ way, port })
  }
  return found
}

/**
 * A listener, a Gateway and one rule for each way: they differ only in the route.
 *
 * @param servers  The port of each destination, in the order of the weights; as many as the most
 * weights.
 */
export function waysText(
  listening: readonly Listening[],
  servers: readonly number[],
  settings: SettingsText,
): string {
  const names = servers.map((_, index) => `server-${index}`)
  const gateways = listening.flatMap(({ way: { split, weights }, port }, index) => {
    const route = destinationsText(names.slice(0, weights.length), weights)
    const name = `way-${index}`
    return [gatewayText(name, port), routesText({ name, gateway: name, split, routes: [`{${route}}`] })]
  })
  const entries = servers.map((port, index) => serverText(names[index], port))
  return documents(settingsText(settings), ...entries, ...gateways)
}
