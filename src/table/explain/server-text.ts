/** What a listener takes, and how: the values of its row and of its servers, in words. */

import type { Cold } from '../format/cold.ts'
import { Listener, Names, Otherwise, Scope } from '../format/routing-layout.ts'
import { destinationsOf } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import { tlsServerOf } from '../format/tls.ts'
import { destinationName } from '../plan/destination.ts'
import { durationText } from './policy-text.ts'
import { untoldValues, valueText } from './value-text.ts'

/** Fields that other texts tell (header.ts, compare.ts), its name, and those that lead to rows. */
const TOLD: ReadonlySet<string> = new Set([
  ...['port', 'onlyScope', 'otherwise', 'names', 'readTimeoutMs', 'rulePort'],
  ...['proxyVersions', 'proxyRequired', 'proxyTimeoutMs', 'firstSender', 'senderCount', 'senders'],
  ...['keepaliveTimeS', 'keepaliveIntervalS', 'keepaliveProbes', 'userTimeoutMs', 'writeTimeoutMs'],
])

/** "reads server names: postgres, within 15s, otherwise close, opens 1". */
export function takingText({ listeners }: Table, listener: number): string {
  const at = (field: number): number => listeners[listener * Listener.WORDS + field]
  const parts = [
    `reads server names: ${nameOf(Names, at(Listener.names))}`,
    `within ${durationText(at(Listener.readTimeoutMs))}`,
    `otherwise ${nameOf(Otherwise, at(Listener.otherwise))}`,
    ...untoldValues(Listener, { words: listeners, row: listener }, TOLD).map(each => each.join(' ')),
  ]
  return parts.join(', ')
}

const nameOf = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(names).find(each => names[each] === value) ?? String(value)

/** Whether it is a server of a Gateway, and not a service of the mesh. */
export const isServer = (name: string): boolean => /^server( |$)/.test(name)

/** By listener, its servers with their values: how they take their clients, and where others go. */
export function serversOf(table: Table, cold: Cold): Map<number, Map<string, string>> {
  const servers = new Map<number, Map<string, string>>()
  for (const [row, { listener, host, port, takes }] of cold.scopes.entries()) {
    const own = servers.get(listener) ?? new Map<string, string>()
    servers.set(listener, own)
    const name = takes ? `server ${takes.names.join(' ')}` : host === '' ? 'server' : `${host}:${port}`
    own.set(name, serverText(table, cold, row))
  }
  return servers
}

/** "TLS alpn h2, minVersion …; plain true; serves; without a rule to 100 % a.example:80". */
function serverText(table: Table, cold: Cold, row: number): string {
  const { names: _, ...takes } = cold.scopes[row].takes ?? { names: [] }
  const tls = tlsServerOf(table, row)
  const at = row * Scope.WORDS
  const parts = [
    tls === null ? 'no TLS' : `TLS: ${valueText(tls)}`,
    ...Object.entries(takes).map(([field, value]) => `${field} ${valueText(value)}`),
    table.scopes[at + Scope.serves] === 1 ? 'served' : 'explained only',
    `without a rule: ${otherwiseText(table, cold, table.scopes[at + Scope.defaultRoute])}`,
  ]
  return parts.join('; ')
}

function otherwiseText(table: Table, cold: Cold, route: number): string {
  if (route < 0) return 'reset'
  return destinationsOf(table, cold, route)
    .map(({ cluster }) => destinationName(cold.clusters[cluster]))
    .join(', ')
}
