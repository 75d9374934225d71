/** What a loop (reflector.ts) is doing, for the log, metrics and whoever waits for it. */

export type ReflectorState = {
  readonly title: string
  readonly kind: string
  /** `absent`: the server has no such kind; it counts as synced, and is asked for again. */
  readonly phase: 'listing' | 'watching' | 'waiting' | 'absent'
  readonly isSynced: boolean
  /** Of the last failure; '' once it is over. */
  readonly trouble: string
  readonly objects: number
  readonly lists: number
  readonly watches: number
  readonly failures: number
  /** On this process' monotonic clock: when the server last said something. */
  readonly heardMs: number
  readonly version: string
}
