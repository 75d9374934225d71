/** An active health check of a destination's endpoints, as the main thread runs it. */

export const CHECK_KINDS = ['tcp', 'tls', 'postgres', 'mysql', 'redis', 'smtp'] as const
export type CheckKind = (typeof CHECK_KINDS)[number]

export type HealthCheck = {
  readonly kind: CheckKind
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Checks in a row that put an endpoint back into rotation. */
  readonly rise: number
  /** Checks in a row that take it out of rotation. */
  readonly fall: number
  /** What is sent once connected; of the kind `tcp` only. Latin-1, one character for each byte. */
  readonly send: string
  /** What has to be in the answer, or has to begin it. */
  readonly expect: { readonly bytes: string; readonly isPrefix: boolean } | null
  /** What becomes of open connections when the endpoint goes down. */
  readonly onDown: 'keep' | 'close'
}

export const DEFAULT_CHECK: Omit<HealthCheck, 'kind'> = {
  intervalMs: 2_000,
  timeoutMs: 1_000,
  rise: 2,
  fall: 3,
  send: '',
  expect: null,
  onDown: 'keep',
}

/** A destination whose endpoints are checked: its row, and how. */
export type CheckedCluster = { readonly cluster: number; readonly check: HealthCheck }
