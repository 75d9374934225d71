/** The rules of a VirtualService at one place that it applies to, as a later Plan may have them. */

import type { Route, Rule } from '../../table/plan/plan.ts'
import type { Layer } from './protocol.ts'

/** A destination as written, its host in full. */
export type RouteDestination = {
  readonly host: string
  readonly subset: string | null
  /** 0: not given. */
  readonly port: number
  readonly weight: number
}

/** A destination, and the cluster that it led to, with its name. */
export type FoundCluster = {
  readonly destination: RouteDestination
  readonly cluster: number
  readonly name: string
}

export type PlacedRules = {
  /** What they depend on of the place: see `Listening` of rules.ts. */
  readonly at: {
    readonly gateway: string
    readonly layer: Layer
    readonly visibleTo: readonly string[] | null
    readonly tlsFirst: boolean | undefined
    readonly notTcp: string | undefined
  }
  /** Each destination, in the order in which they were looked up. */
  readonly found: readonly FoundCluster[]
  /** The routes that no earlier place had, and the index of the first. */
  readonly firstRoute: number
  readonly routes: readonly Route[]
  readonly rules: readonly Rule[]
}
