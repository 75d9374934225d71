/** A way in which a connection ends, and the servers that it needs. */

import type { ReasonName } from '../../src/stats/reasons.ts'

/** The ports of servers that each behave in one way. */
export type Servers = Readonly<
  Record<
    | 'echo'
    | 'says'
    | 'resets'
    | 'deaf'
    | 'floods'
    | 'silent'
    | 'refuses'
    | 'closed'
    | 'hole'
    | 'secure'
    | 'plain'
    | 'leaves',
    number
  >
>

export type Kind = {
  readonly reason: ReasonName
  /** Who has ended it. */
  readonly by: 'client' | 'upstream' | 'weir'
  readonly to?: keyof Servers
  /** Parts of its resources, each in YAML's flow style. */
  readonly server?: string
  readonly annotations?: string
  readonly match?: string
  readonly routes?: 'tcp' | 'tls'
  readonly host?: string
  readonly policy?: string
  readonly policyAnnotations?: string
  readonly endpoint?: string
  /** A connection that is there first, and stays. */
  readonly isHeld?: boolean
  /** Whether no rule was asked. */
  readonly isBeforeRules?: boolean
  /** Whether an endpoint was tried. */
  readonly isDialed?: boolean
  /** What the same connection would get now; null: it would be dialed. */
  readonly now?: ReasonName | null
  /** Whether bytes were lost; absent: it depends on what weir had read by then. */
  readonly loses?: boolean
  /** What the test does to those that are open: a drain, a server that stops listening, an edit. */
  readonly endedBy?: 'drain' | 'check' | 'reload'
  /** The mesh's listener, not a gateway's. */
  readonly isMesh?: boolean
  /** Not many of these at once: handshakes, megabytes. */
  readonly isCostly?: boolean
  readonly act: (port: number, from: string) => Promise<unknown>
}
