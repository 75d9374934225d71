/**
 * The cold section: the text of a table for people.
 *
 * It is packed by msgpackr and decoded only to explain, log or show; see `readCold`.
 */

import { crc32 } from 'node:zlib'
import type { AccessPolicy, Test } from '../plan/access.ts'
import type { HealthCheck } from '../plan/health-check.ts'
import type { Cluster, RuleOrigin, SourceCondition, Takes, WrittenAt } from '../plan/plan.ts'
import { Header, type PartName, SECTIONS } from './layout.ts'

export type Cold = {
  /** Indexed as the `listeners` rows. */
  readonly listeners: readonly ColdListener[]
  /** Indexed as the `scopes` rows. */
  readonly scopes: readonly ColdScope[]
  /** Indexed as the `clusters` rows. */
  readonly clusters: readonly ColdCluster[]
  /** Indexed as the bits of a `workloads` row; 0 is the condition that asks for nothing. */
  readonly conditions: readonly SourceCondition[]
  /** Access control, in the order of the Plan; absent: everybody may connect. */
  readonly policies?: readonly ColdPolicy[]
}

/** A policy as written; rows are those of `accessRules`. */
export type ColdPolicy = Omit<AccessPolicy, 'rules'> & {
  /** The row that stands for all rules of an ALLOW policy, where none of them matches. */
  readonly whole?: number
  readonly rules: readonly {
    readonly row: number
    readonly never: string | null
    readonly from: readonly (readonly ColdTest[])[]
    readonly to: readonly (readonly ColdTest[])[]
    readonly when: readonly ColdTest[]
  }[]
}

export type ColdTest = {
  readonly field: string
  readonly not: boolean
  readonly of: Test['of']
  /** As text: ranges, ports or patterns. */
  readonly values: readonly string[]
  /** For an identity: whether clients can have one. */
  readonly isKnown?: boolean
}

export type ColdListener = {
  /** The place of its PROXY settings; absent: it reads no header. */
  readonly readsAt?: WrittenAt
  /** Indices of the policies that are for it; absent: none. */
  readonly policies?: readonly number[]
}

export type ColdScope = {
  /** Row of its listener. */
  readonly listener: number
  readonly port: number
  readonly host: string
  /** The clients that it takes; absent: all. */
  readonly takes?: Takes
  readonly columns: ColdColumns
  /** All of its rules as objects, which are made when somebody asks for them. */
  readonly rules: readonly ColdRule[]
}

/** The rules of a scope, of which each is read alone. */
export type ColdColumns = {
  readonly count: number
  at(index: number): ColdRule
  /** The place of the rule with a row of `rules`; null: it is none of these. */
  originOf(row: number): RuleOrigin | null
}

/** A rule as written; `row` is its row in `rules`, −1 if it can never match (`never` says why). */
export type ColdRule = {
  readonly origin: RuleOrigin
  readonly never: string | null
  readonly row: number
  /** Patterns of server names; absent: it asks for none. */
  readonly names?: readonly string[]
}

export type ColdCluster = {
  readonly host: string
  readonly subset: string | null
  readonly port: number
  readonly names: readonly { readonly name: string; readonly port: number }[]
  /** How its endpoints are checked; absent: not at all. */
  readonly check?: HealthCheck
  /** Region/zone/subzone of its endpoints; absent: they are not drawn in groups. */
  readonly localities?: readonly string[]
  /** The labels that all its workloads share. */
  readonly labels: Readonly<Record<string, string>>
  /** The places of its policy's values; absent: all defaults. */
  readonly policyAt?: Cluster['policyAt']
  /** Connections of a removed endpoint are ended over this time; absent: they are kept. */
  readonly onRemoveMs?: number
}

export type ColdWorkload = {
  readonly namespace: string | null
  readonly labels: Readonly<Record<string, string>>
  /** Absent: unknown, or no policy asks for it. */
  readonly serviceAccount?: string
}

/**
 * CRC-32 of everything behind the checksum itself; detects a damaged table, not a forged one. For
 * an endpoints part it covers the header without `newest`: each revision has its own.
 */
export function checksum(buffer: SharedArrayBuffer, part: PartName): number {
  const from = (Header.checksum + 1) * 4
  if (part !== 'endpoints') return crc32(new Uint8Array(buffer, from))
  const newest = Header.newest * 4
  const sections = new Uint8Array(buffer, newest + 4, SECTIONS.endpoints.length * 8)
  return crc32(sections, crc32(new Uint8Array(buffer, from, newest - from)))
}
