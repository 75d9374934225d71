/**
 * Readers of fields: from unchecked data to typed values, with a finding for each mistake.
 *
 * A reader gets a written value and its place. It returns the meaning, or undefined if it is wrong;
 * the caller then uses the default, so that one run finds every mistake. Readers compose into a
 * table of fields.
 */

import { type Cidr, formatEndpoint, parseAddress, parseCidr, splitEndpoint } from '../../address/address.ts'
import type { Findings, Locatable, Path } from '../findings/diagnostic.ts'
import { describe, quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import { isMapping } from '../text/draft.ts'
import { parseDuration } from './duration.ts'

/** A value as written, and where to report that it is wrong. */
type Spot = {
  readonly value: unknown
  readonly path: Path
  readonly resource: Locatable
  readonly findings: Findings
}

export type Reader<T> = {
  (spot: Spot): T | undefined
  /** Whether the reader accepts `null`; otherwise a null field counts as absent. */
  readonly takesNull?: true
}

function wrong(spot: Spot, expected: string, hint?: string): undefined {
  const field = spot.path.findLast(step => typeof step === 'string') ?? 'this'
  const message = `${field} is ${describe(spot.value)}, but must be ${expected}`
  spot.findings.at('CFG032', spot.resource, spot.path, message, hint)
}

const inside = (spot: Spot, value: unknown, step: string | number): Spot => ({
  ...spot,
  value,
  path: [...spot.path, step],
})

/** A whole number from `min` to `max`. */
export const integer =
  (min: number, max: number): Reader<number> =>
  spot => {
    const { value } = spot
    const right = Number.isInteger(value) && Number(value) >= min && Number(value) <= max
    return right ? Number(value) : wrong(spot, `a whole number from ${min} to ${max}`)
  }

export const text: Reader<string> = spot =>
  typeof spot.value === 'string' ? spot.value : wrong(spot, 'a string')

export const bool: Reader<boolean> = spot =>
  typeof spot.value === 'boolean' ? spot.value : wrong(spot, 'true or false')

/** The name of a file. */
export const path: Reader<string> = spot => {
  const { value } = spot
  const right = typeof value === 'string' && value !== '' && !value.includes('\0')
  return right ? value : wrong(spot, 'a file name')
}

/** The name of a Kubernetes namespace (RFC 1123). */
export const namespace: Reader<string> = spot => {
  const { value } = spot
  const right = typeof value === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value)
  return right ? value : wrong(spot, 'the name of a namespace')
}

/** RFC 1123, as Gateway API has it. */
const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/** The name of a GatewayClass. */
export const className: Reader<string> = spot => {
  const { value } = spot
  return typeof value === 'string' && HOST.test(value) ? value : wrong(spot, 'the name of a GatewayClass')
}

export const addressOrHost: Reader<string> = spot => {
  const { value } = spot
  const isRight = typeof value === 'string' && (parseAddress(value) !== null || HOST.test(value))
  return isRight ? value : wrong(spot, 'an IP address or a host name')
}

/** "10.0.0.2", "[2001:db8::2]:15021", "gateways.svc", "gateways.svc:15021". */
export const hostPort: Reader<string> = spot => {
  const { value } = spot
  const [, host = '', port = '1'] = /^(.+?)(?::(\d{1,5}))?$/.exec(String(value)) ?? []
  const isRight =
    typeof value === 'string' &&
    (splitEndpoint(value) !== null || (HOST.test(host) && Number(port) > 0 && Number(port) <= 65_535))
  return isRight ? value : wrong(spot, 'an IP address or a host name, with a port or without')
}

/** One of a few words. */
export const choice =
  <const T extends string>(...words: readonly T[]): Reader<T> =>
  spot => {
    const found = words.find(word => word === spot.value)
    const hint = typeof spot.value === 'string' ? didYouMean(spot.value, words) : undefined
    return found ?? wrong(spot, words.map(quote).join(' or '), hint)
  }

/** A duration ("30s") in milliseconds, from `minMs` to `maxMs`. */
export const duration =
  (maxMs: number, minMs = 0): Reader<number> =>
  spot => {
    const ms = typeof spot.value === 'string' ? parseDuration(spot.value) : null
    const right = ms !== null && ms >= minMs && ms <= maxMs
    return right
      ? ms
      : wrong(
          spot,
          `a duration from "${minMs / 1000}s" to "${maxMs / 1000}s"`,
          'write it as "30s" or "1m30s"',
        )
  }

/** 'mesh', or a Gateway with its namespace. */
export const gatewayName: Reader<string> = spot => {
  const { value } = spot
  const right = typeof value === 'string' && /^(?:mesh|[^/\s]+\/[^/\s]+)$/.test(value)
  return right ? value : wrong(spot, 'a Gateway as "namespace/name", or "mesh"')
}

/** An IP address to listen on; '' or "*" is every address. */
export const bindAddress: Reader<string> = spot => {
  const { value } = spot
  if (value === '' || value === '*') return ''
  return typeof value === 'string' && parseAddress(value) ? value : wrong(spot, 'an IP address, "" or "*"')
}

const DNS_PORT = 53

/** "10.0.0.2" or "10.0.0.2:8600"; the port is 53 if it has none. */
export const nameServer: Reader<string> = spot => {
  const server = typeof spot.value === 'string' ? splitEndpoint(spot.value) : null
  return server && server.port !== 0
    ? formatEndpoint(server.address, server.port < 0 ? DNS_PORT : server.port)
    : wrong(spot, 'the address of a name server, such as "10.0.0.2" or "10.0.0.2:8600"')
}

export const cidr: Reader<Cidr> = spot =>
  (typeof spot.value === 'string' && parseCidr(spot.value)) || wrong(spot, 'an IP range such as "10.0.0.0/8"')

/** Labels: an object of strings. */
export const strings: Reader<Readonly<Record<string, string>>> = spot => {
  if (!isMapping(spot.value)) return wrong(spot, 'an object of strings')
  const read = Object.entries(spot.value).map(
    ([key, value]) => [key, text(inside(spot, value, key))] as const,
  )
  return Object.fromEntries(read.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** A list; wrong items are omitted. */
export const list =
  <T>(item: Reader<T>): Reader<readonly T[]> =>
  spot =>
    Array.isArray(spot.value)
      ? spot.value
          .map((value, index) => item(inside(spot, value, index)))
          .filter((value): value is T & {} => value !== undefined && value !== null)
      : wrong(spot, 'a list')

/** A list with at least one item. */
export const someOf =
  <T>(item: Reader<T>): Reader<readonly T[]> =>
  spot =>
    Array.isArray(spot.value) && spot.value.length === 0 ? wrong(spot, 'a non-empty list') : list(item)(spot)

/** `reader`'s value, or null for a written null. */
export const orNull = <T>(reader: Reader<T>): Reader<T | null> =>
  Object.assign((spot: Spot) => (spot.value === null ? null : reader(spot)), { takesNull: true } as const)

/** The value of `reader`, converted. */
export const mapped =
  <From, To>(reader: Reader<From>, shape: (from: From) => To): Reader<To> =>
  spot => {
    const value = reader(spot)
    return value === undefined ? undefined : shape(value)
  }

/** A field that another module checks. */
export const ignored: Reader<never> = () => undefined

/** The readers of an object's fields. */
type Fields<T> = { readonly [name in keyof T]-?: Reader<T[name]> }

/** An object with these fields and no others; absent or wrong fields get `defaults`. */
export const object =
  <T extends object>(fields: Fields<T>, defaults: T): Reader<T> =>
  spot => {
    const read = readFields(fields, spot)
    return read && { ...defaults, ...read }
  }

/** Like `object`, but `required` has no default: if it is missing or wrong, so is the whole. */
export const objectWith =
  <T extends object>(required: keyof T & string, fields: Fields<T>, defaults: Partial<T>): Reader<T> =>
  spot => {
    const read = readFields(fields, spot)
    if (!read) return undefined
    if (required in read) return { ...defaults, ...read } as T
    const written = isMapping(spot.value) ? spot.value[required] : undefined
    if (written === undefined || written === null) {
      spot.findings.at('CFG032', spot.resource, spot.path, `${required} is missing`)
    }
    return undefined
  }

function readFields<T>(fields: Fields<T>, spot: Spot): Partial<T> | undefined {
  if (!isMapping(spot.value)) return wrong(spot, 'an object')
  const read: Partial<T> = {}
  for (const [name, value] of Object.entries(spot.value)) {
    const at = inside(spot, value, name)
    if (!Object.hasOwn(fields, name)) {
      const hint = didYouMean(name, Object.keys(fields))
      spot.findings.at('CFG031', spot.resource, at.path, `unknown field ${quote(name)}`, hint)
      continue
    }
    const reader = fields[name as keyof T]
    const meaning = value === null && !reader.takesNull ? undefined : reader(at)
    if (meaning !== undefined) read[name as keyof T] = meaning
  }
  return read
}
