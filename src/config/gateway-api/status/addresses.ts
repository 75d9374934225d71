/** Where clients reach a Gateway, as far as anybody has said. */

import type { ApiGateway } from '../model.ts'

export type GatewayAddresses = {
  /** Of the Settings: usually those of a load balancer. */
  readonly given: readonly string[]
  /** Of this machine, for a Gateway that listens at every address. */
  readonly own: readonly string[]
}

/** Null: where it listens, if it asks for addresses; else nobody has said. */
export const addressesBy =
  ({ given, own }: GatewayAddresses) =>
  ({ binds }: Pick<ApiGateway, 'binds'>): readonly string[] | null => {
    if (given.length > 0) return given
    return own.length === 0 || binds.some(each => each !== '') ? null : own
  }
