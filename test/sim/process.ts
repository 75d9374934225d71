/**
 * The descriptors of the process that all workers live in: the lowest free number first, used again
 * at once. So whoever closes one too early, or keeps one too long, meets another file.
 */

import { Errno } from '../../src/kernel/errno.ts'
import type { Operation } from './kernel.ts'
import type { Network } from './network.ts'
import type { Listener, Socket } from './sockets.ts'

export class Pipe {
  readonly capacity: number
  readonly chunks: Uint8Array[] = []
  queued = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }
}

export class File {
  readonly socket: Socket | null
  readonly listener: Listener | null
  readonly pipe: Pipe | null
  /** The worker that counts it as its own; −1: it is on its way. */
  owner: number
  isBlocking = true
  isOpen = true
  readonly operations = new Set<Operation>()

  constructor(
    owner: number,
    { socket, listener, pipe }: { socket?: Socket; listener?: Listener; pipe?: Pipe },
  ) {
    this.owner = owner
    this.socket = socket ?? null
    this.listener = listener ?? null
    this.pipe = pipe ?? null
  }

  /** Something of it has changed, which operations may wait for. */
  readonly changed = (): void => {
    for (const operation of this.operations) operation.poke()
  }
}

export class Process {
  readonly files: (File | null)[]
  readonly #network: Network
  readonly #first: number
  readonly #limit: number
  /** What no program may do. */
  readonly #onBug: (what: string) => void

  constructor(network: Network, limit: number, onBug: (what: string) => void) {
    this.#network = network
    this.#limit = limit
    this.#onBug = onBug
    this.files = []
    this.#first = 3
  }

  /** The lowest free number, or −EMFILE. */
  open(file: File): number {
    let fd = this.#first
    while (fd < this.files.length && this.files[fd] !== null && this.files[fd] !== undefined) fd++
    if (fd >= this.#limit) return -Errno.EMFILE
    this.files[fd] = file
    const owner = file.socket ?? file.listener
    if (owner !== null) owner.onChange = file.changed
    return fd
  }

  hasRoom(): boolean {
    let taken = 0
    for (const file of this.files) if (file) taken++
    return taken + this.#first < this.#limit
  }

  /** The file that `fd` is, which has to be the worker's own. */
  at(fd: number, worker: number): File | null {
    const file = this.files[fd] ?? null
    if (file === null) this.#onBug(`descriptor ${fd} is used, and not open`)
    else if (file.owner !== worker)
      this.#onBug(`descriptor ${fd} of worker ${file.owner} is used by worker ${worker}`)
    return file
  }

  /** It is gone from the table at once; the file itself lives as long as an operation has it. */
  close(fd: number, worker: number): number {
    const file = this.at(fd, worker)
    if (file === null) return -Errno.EBADF
    if (file.operations.size > 0) this.#onBug(`descriptor ${fd} is closed with operations in the kernel`)
    this.drop(fd)
    return 0
  }

  /** Closes it, whatever is in the kernel: what a supervisor does for a worker that is gone. */
  drop(fd: number): void {
    const file = this.files[fd]
    if (!file) return
    this.files[fd] = null
    file.isOpen = false
    this.release(file)
  }

  /** After the last operation of a file that nobody has open. */
  release(file: File): void {
    if (file.isOpen || file.operations.size > 0) return
    if (file.socket) this.#network.close(file.socket)
    if (file.listener && !file.listener.closed) this.#network.closeListener(file.listener)
  }
}
