/** Sockets and listeners as the simulated network has them, and the streams between sockets. */

import type { Name } from './names.ts'
import type { Tuning } from './vanishing.ts'

/** What a stream has of bytes, from its writer to its reader. */
export class Stream {
  readonly capacity: number
  readonly chunks: Uint8Array[] = []
  queued = 0
  flying = 0
  /** The writer has said its end, and the reader has heard it. */
  ended = false
  heardEnd = false
  /** Nothing overtakes what was written before. */
  lastMs = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get room(): number {
    return this.capacity - this.queued - this.flying
  }
}

export class Socket {
  local: Name
  remote: Name
  peer: Socket | null = null
  incoming!: Stream
  outgoing!: Stream
  /** The error that waits, as errno; whoever is told of it takes it away. */
  error = 0
  /** It was reset, by either side, or given up. */
  broken = false
  closed = false
  /** Whether it has ever been connected. */
  stood = false
  onChange: () => void = () => {}
  /** It has vanished, and nobody knows. */
  isDark = false
  readonly tuning: Tuning = { keepalive: null, userTimeoutMs: 0 }
  /** Since when bytes or an end are under way to one that has vanished; 0: none are. */
  unheardMs = 0

  constructor(local: Name, remote: Name) {
    this.local = local
    this.remote = remote
  }

  /** −errno of what waits, which is then gone. */
  takeError(otherwise: number): number {
    const error = this.error || otherwise
    this.error = 0
    return -error
  }
}

export class Listener {
  readonly name: Name
  /** Takes connections to every address. */
  readonly isWild: boolean
  readonly dual: boolean
  readonly queue: Socket[] = []
  closed = false
  onChange: () => void = () => {}
  /** What those that it accepts inherit. */
  readonly tuning: Tuning = { keepalive: null, userTimeoutMs: 0 }

  constructor(name: Name, dual: boolean) {
    this.name = name
    this.isWild = Array.from(name.words).every(word => word === 0)
    this.dual = dual
  }
}
