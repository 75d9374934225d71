/** What a source reads of a cluster, and its callbacks. */

import type { GatewayAddresses } from '../../config/gateway-api/status/addresses.ts'
import type { ClusterCache } from './cache.ts'
import type { Identity } from './identity.ts'
import type { NeedsSettings } from './needs.ts'
import type { Pace } from './pace.ts'
import type { ReflectorState } from './reflector-state.ts'

type KubernetesSettings = NeedsSettings & {
  /** None: all. */
  readonly namespaces: readonly string[]
  /** Labels that a Gateway must have to be read. */
  readonly gatewaySelector: Readonly<Record<string, string>>
  /** The GatewayClass that a Gateway of Gateway API must name; null: any of weir's. */
  readonly gatewayClass: string | null
  /** Whether status and Events are written. */
  readonly status?: boolean
  /** Where clients reach Gateways of Gateway API. */
  readonly addresses?: GatewayAddresses
}

export type KubernetesOptions = {
  readonly identity: Identity
  readonly settings: KubernetesSettings
  /** Called when a loop's phase or trouble changes. */
  readonly onState?: (state: ReflectorState) => void
  readonly cache?: ClusterCache | null
  /** Called when a cache is served, since the API has not answered; with its age. */
  readonly onCached?: (ageMs: number) => void
  /** Called once, when more single objects are named than are watched. */
  readonly onPolled?: (text: string) => void
  /** Called once for each reason why status or the cache cannot be written. */
  readonly onTrouble?: (text: string) => void
  readonly pace?: Pace
}
