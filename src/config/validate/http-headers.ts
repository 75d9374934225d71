/** Manipulation of headers: names, values, and that the authority is set once. */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { headerValue } from './header-value.ts'

/** Tokens (RFC 9110 §5.6.2), and the comma that istiod lets pass. */
const HEADER_NAME = /^[!#$%&'*+,\-.^_`|~A-Za-z0-9]+$/

const isAuthority = (name: string): boolean => [':authority', 'host'].includes(name.toLowerCase())
const isInternal = (name: string): boolean => name.startsWith(':') || name.toLowerCase() === 'host'

export const headerName = (name: string): string | null =>
  HEADER_NAME.test(name) ? null : 'is not a header name'

/** A header that a request may get, including the authority. */
const requestHeader = (name: string): string | null => (isAuthority(name) ? null : otherHeader(name))

function otherHeader(name: string): string | null {
  if (name === '') return 'is an empty header name'
  return isInternal(name) ? 'cannot be changed: it is not an ordinary header' : null
}

/** `headers: { request, response: { set, add, remove } }`. */
export function checkHeaders(headers: Field): void {
  for (const side of ['request', 'response']) {
    const operations = headers.get(side)
    for (const operation of ['add', 'set']) {
      for (const [name, value] of operations.get(operation).entries) {
        const complaint = side === 'request' ? requestHeader(name) : otherHeader(name)
        if (complaint !== null) value.report('CFG216', `${quote(name)} ${complaint}`)
        value.check('CFG216', headerValue)
      }
    }
    for (const name of operations.get('remove').items) name.check('CFG216', otherHeader)
  }
}

/** The authority can be set only once: by `rewrite`, or by one header. */
export function checkAuthority(route: Field): void {
  const request = route.get('headers').get('request')
  let current = route.get('rewrite').get('authority').text ?? ''
  for (const [name, value] of [...request.get('set').entries, ...request.get('add').entries]) {
    if (!isAuthority(name)) continue
    const next = value.text ?? ''
    if (current !== '') {
      value.report('CFG210', `the authority is set twice: to ${quote(current)} and to ${quote(next)}`)
    }
    current = next
  }
}
