/** What a gateway is made of, and its callbacks. */

import type { Sources } from '../source/files/files.ts'
import type { KubernetesSource } from '../source/kubernetes/source.ts'
import type { SystemFiles } from '../source/names/system-lookup.ts'
import type { DifferOptions } from './compile/differ.ts'
import type { Logger } from './observe/log.ts'
import type { Overrides } from './overrides.ts'
import type { GatewayThreads } from './threads.ts'

export type GatewayOptions = Sources & {
  readonly overrides: Overrides
  readonly log: Logger
  /** The API of a cluster, beside the files; it may have begun. */
  readonly kubernetes?: KubernetesSource | null
  /** A directory of the user's own, for what the next start need not read again. */
  readonly cache?: string | null
  readonly differ?: DifferOptions
  /**
   * Shared threads, in a process that runs several gateways; by default the gateway has its own.
   */
  readonly threads?: GatewayThreads
  /** Other files than the machine's to resolve names by, for tests. */
  readonly names?: SystemFiles
  /** Called after each table was published. */
  readonly onPublished?: () => void
  /** Called with each phase, from the moment that every listener accepts. */
  readonly onPhase?: (phase: Phase) => void
}

/** `reloaded` comes after `reloading`, whatever came of it. */
export type Phase = 'serving' | 'reloading' | 'reloaded'
