/**
 * The annotation for the protocols that weir chooses among, or offers, by ALPN, the preferred one
 * first: "h2,http/1.1".
 */

import type { Resource } from '../resource.ts'

export const ALPN = 'gateway.weir/alpn'

/** A protocol's name in a ClientHello takes 1 to 255 bytes (RFC 7301 §3.1). */
const NAME = /^[\x21-\x2b\x2d-\x7e]{1,255}$/

/** null: invalid. */
export function readAlpn(text: string): readonly string[] | null {
  const names = text.split(',').map(each => each.trim())
  return names.every(each => NAME.test(each)) && new Set(names).size === names.length ? names : null
}

/** Of a resource's annotation; none: nothing is chosen. */
export function alpnOf({ metadata }: Resource): readonly string[] {
  const text = metadata.annotations[ALPN]
  return (text === undefined ? null : readAlpn(text)) ?? []
}
