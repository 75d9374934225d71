/**
 * Where destinations go by the client's address: whoever comes again gets the same endpoint, as
 * long as it may be dialed. A client has an order of preference among the endpoints of a
 * destination, which nobody needs to know: of two choices, each of which could have been the other,
 * both are the same.
 */

import { clusterIdentity } from '../../src/table/build/endpoint-rows.ts'
import type { Cluster, Endpoint } from '../../src/table/plan/plan.ts'

type Choice = { readonly among: ReadonlySet<string>; readonly chosen: string }

const textOf = ({ address, port }: Endpoint): string => `${address}:${port}`

export class Keepers {
  readonly #choices = new Map<string, Choice[]>()

  /** '', or what is wrong with it. */
  chose(cluster: Cluster, client: string, candidates: readonly Endpoint[], endpoint: Endpoint): string {
    const { balance, hashSize } = cluster.policy
    const { size } = new Set(cluster.endpoints.map(textOf))
    if (size < cluster.endpoints.length) return '' // a retry goes to the same one elsewhere in the list
    const all = cluster.endpoints.map(each => `${textOf(each)} ${each.weight}`).toSorted()
    const key = [clusterIdentity(cluster), balance, hashSize, client, ...all].join()
    const chosen = textOf(endpoint)
    const choice = { among: new Set(candidates.map(textOf)), chosen }
    const before = this.#choices.get(key) ?? []
    this.#choices.set(key, [...before, choice])
    const other = before.find(
      each => each.chosen !== chosen && each.among.has(chosen) && choice.among.has(each.chosen),
    )
    return other ? `${client} had ${other.chosen}, and has ${chosen}` : ''
  }
}
