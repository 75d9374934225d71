/** Who asks, by token or client certificate, and what they may. */

import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { ApiError } from './errors.ts'
import type { Asked } from './request.ts'

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly verbs: readonly string[]
}

export interface User {
  readonly name: string
  /** Without rules, everything is allowed. */
  readonly rules?: readonly PolicyRule[]
  /** The rules hold in this namespace only, as those of a Role. */
  readonly namespace?: string
}

export class Access {
  /** Whoever is nobody else, or null: then a token or certificate is required. */
  anonymous: User | null = { name: 'system:anonymous' }
  readonly #tokens = new Map<string, User>()
  readonly #certificates = new Map<string, User>()

  allowToken(token: string, user: User): void {
    this.#tokens.set(token, user)
    this.anonymous = null
  }

  revokeToken(token: string): void {
    this.#tokens.delete(token)
  }

  /** By the common name of a certificate that the server's client authority has signed. */
  allowCertificate(common: string, user: User): void {
    this.#certificates.set(common, user)
    this.anonymous = null
  }

  authenticate({ headers, socket }: IncomingMessage): User {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
    if (token !== undefined) return this.#tokens.get(token) ?? unauthorized()
    const tls = socket as Partial<TLSSocket>
    const common = tls.authorized ? tls.getPeerCertificate?.().subject?.CN : undefined
    const byCertificate = common === undefined ? undefined : this.#certificates.get(String(common))
    return byCertificate ?? this.anonymous ?? unauthorized()
  }

  authorize(user: User, asked: Asked): void {
    if (user.rules && !user.rules.some(rule => allows(rule, user, asked))) throw forbidden(user, asked)
  }
}

function unauthorized(): never {
  throw new ApiError(401, 'Unauthorized', 'Unauthorized')
}

function allows(rule: PolicyRule, user: User, asked: Asked): boolean {
  const has = (list: readonly string[] | undefined, wanted: string): boolean =>
    list?.some(each => each === '*' || each === wanted) ?? false
  if (asked.plural === '') return true // as the role system:discovery has it
  if (user.namespace !== undefined && user.namespace !== asked.namespace) return false
  const resource = asked.subresource ? `${asked.plural}/${asked.subresource}` : asked.plural
  const isNamed = rule.resourceNames === undefined || rule.resourceNames.includes(nameIn(asked) ?? '')
  return (
    has(rule.verbs, asked.verb) &&
    has(rule.apiGroups, asked.group) &&
    has(rule.resources, resource) &&
    isNamed
  )
}

/** A list or watch of one object by `metadata.name` counts as one of that name. */
const nameIn = ({ name, query }: Asked): string | undefined =>
  name ?? /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1]

function forbidden({ name }: User, { verb, plural, group, namespace }: Asked): ApiError {
  const where = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope'
  return new ApiError(
    403,
    'Forbidden',
    `${plural}.${group} is forbidden: User "${name}" cannot ${verb} resource "${plural}" in API group "${group}" ${where}`,
  )
}
