/** Names of sockets: an address and a port. */

import { type Address, formatAddress, parseAddress } from '../../src/address/address.ts'

export type Name = { readonly family: 4 | 6; readonly words: ArrayLike<number>; readonly port: number }

export const nameText = ({ family, words, port }: Name): string => `${formatAddress(family, words)}:${port}`

/** An address of a row or record, at a word; its family is before it, its port behind. */
export function nameIn(words: Int32Array, at: number): { readonly address: string; readonly port: number } {
  return { address: formatAddress(words[at - 1] === 6 ? 6 : 4, words, at), port: words[at + 4] }
}

export function nameOf(address: string, port: number): Name {
  const { family, words } = parseAddress(address) as Address
  return { family, words: Array.from(words), port }
}
