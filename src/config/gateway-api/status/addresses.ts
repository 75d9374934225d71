/** Where clients reach a Gateway, as far as anybody has said, and where it cannot listen. */

import { contains, parseAddress, parseCidr } from '../../../address/address.ts'
import type { ApiGateway } from '../model.ts'

export type GatewayAddresses = {
  /** Of the Settings: usually those of a load balancer. */
  readonly given: readonly string[]
  /** Of this machine, for a Gateway that listens at every address. */
  readonly own: readonly string[]
  /** Addresses and ranges that this machine can listen at; absent: nobody has looked. */
  readonly local?: readonly string[]
}

/** Null: where it listens, if it asks for addresses; else nobody has said. */
export const addressesBy =
  ({ given, own }: GatewayAddresses) =>
  ({ binds }: Pick<ApiGateway, 'binds'>): readonly string[] | null => {
    if (given.length > 0) return given
    return own.length === 0 || binds.some(each => each !== '') ? null : own
  }

/** What it asks for, and where this machine cannot listen. */
export function unusableBy({ local }: GatewayAddresses) {
  const ranges = local?.flatMap(each => parseCidr(each) ?? [])
  const isHere = (bind: string): boolean => {
    const address = parseAddress(bind)
    if (!ranges || address === null) return true // '' is every address
    return ranges.some(range => contains(range, address.family, address.words))
  }
  return ({ binds }: Pick<ApiGateway, 'binds'>): readonly string[] => binds.filter(each => !isHere(each))
}
