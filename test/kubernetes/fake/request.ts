/** What a request asks for, read from its method, path and query. */

import type { IncomingMessage } from 'node:http'

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  /** Of what is no resource: discovery, health. */
  | 'other'

export interface Asked {
  readonly verb: Verb
  readonly path: string
  readonly query: URLSearchParams
  readonly group: string
  readonly version: string
  /** Empty, if the path is none of a resource. */
  readonly plural: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string | undefined
}

/** The tests' record of a request. */
export interface Recorded extends Asked {
  readonly user: string
  readonly code: number
  readonly userAgent: string
}

const NAMED: Readonly<Record<string, Verb>> = { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
const COLLECTION: Readonly<Record<string, Verb>> = { GET: 'list', POST: 'create', DELETE: 'deletecollection' }

export function askedBy({ method = 'GET', url = '/' }: IncomingMessage): Asked {
  const { pathname, searchParams: query } = new URL(url, 'http://api')
  const none = { path: pathname, query, group: '', version: '', plural: '' }
  const parts = pathname.split('/').filter(Boolean).map(decodeURIComponent)
  const isCore = parts[0] === 'api' && parts.length > 2
  if (!isCore && !(parts[0] === 'apis' && parts.length > 3))
    return { ...none, verb: 'other', namespace: undefined, name: undefined, subresource: undefined }

  const [group, version, ...rest] = isCore ? ['', ...parts.slice(1)] : parts.slice(1)
  // /namespaces/NAME alone is the Namespace itself.
  const isWithin = rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2])
  const [namespace, [plural, name, subresource]] = isWithin ? [rest[1], rest.slice(2)] : [undefined, rest]
  const isWatch = ['1', 'true'].includes(query.get('watch') ?? '')
  const verb = isWatch ? 'watch' : ((name ? NAMED : COLLECTION)[method] ?? 'other')
  return { path: pathname, query, group, version, plural, namespace, name, subresource, verb }
}
