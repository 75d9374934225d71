/** "10.0.0.1", "10.0.0.0/8", "10.0.0.1:80", "[::1]:80": which addresses somebody asks about. */

import { contains, parseAddress, parseCidr } from './address.ts'

export type AddressFilter = (found: { readonly address: string; readonly port: number } | null) => boolean

/** null: the text is none of these. */
export function addressFilter(wanted: string): AddressFilter | null {
  const [, host, port] = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(wanted) ?? []
  const isBare = parseCidr(wanted) !== null
  const range = parseCidr(isBare ? wanted : (host ?? ''))
  if (!range) return null
  const number = isBare || port === undefined ? null : Number(port)
  return found => {
    const address = found && parseAddress(found.address)
    return (
      address !== null &&
      contains(range, address.family, address.words) &&
      (number === null || found?.port === number)
    )
  }
}
