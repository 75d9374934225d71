/**
 * How a destination is dialed, and where that is set: a DestinationRule's annotations override the
 * Settings.
 */

import type { Cluster } from '../../table/plan/plan.ts'
import { DEFAULT_POLICY, type Policy, type PolicyField } from '../../table/plan/policy.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import { CONNECT_ATTEMPTS, CONNECT_DEADLINE, readAttempts, readDeadlineMs } from './dialing.ts'
import { ON_REMOVE, readOnRemove } from './on-remove.ts'
import { PROXY_TLVS_NAME, readProxyTlvs } from './proxy-tlvs.ts'
import { readTimeout, USER_TIMEOUT, WRITE_TIMEOUT } from './tcp-times.ts'

type Places = NonNullable<Cluster['policyAt']>

export type ConnectPolicy = {
  readonly attempts: number
  /** null: the default, or the destination's connect timeout if that is longer. */
  readonly deadlineMs: number | null
  /** Where the DestinationRule has no tcpKeepalive. */
  readonly keepalive: Settings['keepalive']
  readonly userTimeoutMs: number
  readonly writeTimeoutMs: number
  /** The time over which connections of a removed endpoint are ended; null: they are kept. */
  readonly onRemoveMs: number | null
  /** What a PROXY header of version 2 says more. */
  readonly proxyTlvs: Policy['proxyTlvs']
  readonly places: Places
}

const ANNOTATIONS = {
  connectAttempts: CONNECT_ATTEMPTS,
  connectDeadline: CONNECT_DEADLINE,
  userTimeout: USER_TIMEOUT,
  writeTimeout: WRITE_TIMEOUT,
  onRemove: ON_REMOVE,
} as const
const FIELDS = Object.keys(ANNOTATIONS) as (keyof typeof ANNOTATIONS)[]

/** By the field of a policy, its name in the Settings. */
const SETTINGS = {
  connectAttempts: 'connectAttempts',
  connectDeadline: 'connectDeadline',
  tcpKeepalive: 'keepalive',
  userTimeout: 'userTimeout',
  writeTimeout: 'writeTimeout',
} as const satisfies Partial<Record<PolicyField, string>>

/** The values for every destination. */
export function connectPolicyOf(settings: Settings, document: Resource | null): ConnectPolicy {
  const spec = (document?.value.spec ?? {}) as Partial<Record<string, unknown>>
  const places = Object.entries(SETTINGS)
    .filter(([, name]) => Object.hasOwn(spec, name) && (spec[name] !== null || name === 'keepalive'))
    .map(([field, name]) => placed(field, document, ['spec', name]))
  return {
    attempts: settings.connectAttempts,
    deadlineMs: settings.connectDeadlineMs,
    keepalive: settings.keepalive,
    userTimeoutMs: settings.userTimeoutMs,
    writeTimeoutMs: settings.writeTimeoutMs,
    onRemoveMs: null,
    proxyTlvs: [],
    places: Object.fromEntries(places),
  }
}

/**
 * The values for a destination with these DestinationRules: for each annotation, the oldest rule
 * that has it.
 */
export function annotatedPolicy(general: ConnectPolicy, rules: readonly Resource[]): ConnectPolicy {
  const having = (name: string) => rules.find(each => each.metadata.annotations[name] !== undefined)
  const textOf = (name: string) => having(name)?.metadata.annotations[name] ?? ''
  const places = FIELDS.filter(field => having(ANNOTATIONS[field])).map(field =>
    placed(field, having(ANNOTATIONS[field]) ?? null, ['metadata', 'annotations', ANNOTATIONS[field]]),
  )
  return {
    attempts: readAttempts(textOf(CONNECT_ATTEMPTS)) ?? general.attempts,
    deadlineMs: readDeadlineMs(textOf(CONNECT_DEADLINE)) ?? general.deadlineMs,
    keepalive: general.keepalive,
    userTimeoutMs: readTimeout(textOf(USER_TIMEOUT)) ?? general.userTimeoutMs,
    writeTimeoutMs: readTimeout(textOf(WRITE_TIMEOUT)) ?? general.writeTimeoutMs,
    onRemoveMs: readOnRemove(textOf(ON_REMOVE)) ?? general.onRemoveMs,
    proxyTlvs: readProxyTlvs(textOf(PROXY_TLVS_NAME)) ?? general.proxyTlvs,
    places: { ...general.places, ...Object.fromEntries(places) },
  }
}

/** A default deadline never cuts off a configured connect timeout. */
export const deadlineFor = ({ deadlineMs }: ConnectPolicy, connectTimeoutMs: number): number =>
  deadlineMs ?? Math.max(DEFAULT_POLICY.connectDeadlineMs, connectTimeoutMs)

function placed(field: string, resource: Resource | null, path: readonly string[]) {
  const { file, line } = resource?.locate(path) ?? { file: '', line: 0 }
  return [field, { file, line }] as const
}
