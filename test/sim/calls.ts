/** The calls of a simulated kernel that answer at once: sockets and pipes. */

import { Errno } from '../../src/kernel/errno.ts'
import type { Keepalive, ListenOptions, PipeCalls, SocketCalls } from '../../src/kernel/kernel.ts'
import type { SocketName } from '../../src/kernel/socket-address.ts'
import type { Machine } from './kernel.ts'
import { type Name, nameOf } from './names.ts'
import { GATEWAY, GATEWAY6 } from './plans.ts'
import type { Pools } from './pools.ts'
import { File, Pipe } from './process.ts'
import { Listener, Socket } from './sockets.ts'
import type { Tuning } from './vanishing.ts'

/** Where dials come from. */
const OWN = { 4: nameOf(GATEWAY, 0), 6: nameOf(GATEWAY6, 0) }
const NOWHERE: Name = { family: 4, words: [0, 0, 0, 0], port: 0 }

export class Calls implements SocketCalls {
  readonly pipes: PipeCalls
  readonly #machine: Machine
  readonly #worker: number
  #port = 40_000

  constructor(machine: Machine, worker: number, _pools: Pools) {
    this.#machine = machine
    this.#worker = worker
    this.pipes = {
      open: bytes => this.#openPipe(bytes),
      splice: (from, to, bytes) => this.#splice(from, to, bytes),
      close: ({ readFd, writeFd }) => {
        this.close(readFd)
        this.close(writeFd)
      },
    }
  }

  listen(family: 4 | 6, words: ArrayLike<number>, port: number, options: ListenOptions): number {
    const { faults, dice, network, process } = this.#machine
    if (faults.strikes('listenFails')) return -dice.pick([Errno.EADDRINUSE, Errno.EACCES, Errno.EMFILE])
    const listener = new Listener({ family, words: Array.from(words), port }, options.dualStack)
    const fd = process.open(new File(this.#worker, { listener }))
    if (fd >= 0) network.listeners.push(listener)
    return fd
  }

  dial(family: 4 | 6, _talksFirst: boolean): number {
    const { faults, dice, process } = this.#machine
    if (faults.strikes('dialFails'))
      return -dice.pick([Errno.EMFILE, Errno.ENFILE, Errno.ENOBUFS, Errno.ENOMEM])
    const local = { ...OWN[family], port: this.#port++ }
    return process.open(new File(this.#worker, { socket: new Socket(local, NOWHERE) }))
  }

  acknowledge(fd: number): void {
    this.#socket(fd)
  }

  localName(fd: number, name: SocketName): number {
    const file = this.#machine.process.at(fd, this.#worker)
    if (file === null) return -Errno.EBADF
    return copy(file.listener?.name ?? file.socket!.local, name)
  }

  peerName(fd: number, name: SocketName): number {
    const socket = this.#socket(fd)
    if (socket === null || socket.broken || !socket.stood) return -Errno.ENOTCONN
    return copy(socket.remote, name)
  }

  originalDestination(fd: number, _name: SocketName): number {
    this.#socket(fd)
    return -Errno.ENOENT
  }

  setKeepalive(fd: number, keepalive: Keepalive | null): number {
    return this.#tune(fd, tuning => {
      tuning.keepalive = keepalive
    })
  }

  setUserTimeout(fd: number, ms: number): number {
    return this.#tune(fd, tuning => {
      tuning.userTimeoutMs = ms
    })
  }

  #tune(fd: number, set: (tuning: Tuning) => void): number {
    const file = this.#machine.process.at(fd, this.#worker)
    if (this.#machine.faults.strikes('callFails')) return -Errno.EINVAL
    const tuned = file?.socket ?? file?.listener
    if (tuned) set(tuned.tuning)
    return 0
  }

  pendingError(fd: number): number {
    const socket = this.#socket(fd)
    return socket === null ? -Errno.EBADF : socket.takeError(0) || 0
  }

  setNonBlocking(fd: number): number {
    const file = this.#machine.process.at(fd, this.#worker)
    if (file !== null) file.isBlocking = false
    return 0
  }

  unpace(fd: number): void {
    this.#socket(fd)
  }

  acceptWaiting(fd: number): number {
    const { process } = this.#machine
    const listener = process.at(fd, this.#worker)?.listener
    if (!listener || listener.queue.length === 0) return -Errno.EAGAIN
    if (!process.hasRoom()) return -Errno.EMFILE
    return process.open(new File(this.#worker, { socket: listener.queue.shift()! }))
  }

  waiting(fd: number): number {
    return this.#machine.process.at(fd, this.#worker)?.listener?.queue.length ?? -Errno.EBADF
  }

  shutdownWrite(fd: number): number {
    const socket = this.#socket(fd)
    if (socket === null || socket.broken) return -Errno.ENOTCONN
    this.#machine.network.end(socket)
    return 0
  }

  abort(fd: number): number {
    const socket = this.#socket(fd)
    if (socket === null) return -Errno.EBADF
    if (this.#machine.faults.strikes('callFails')) return -Errno.EIO
    this.#machine.network.abort(socket)
    return 0
  }

  resetClose(fd: number): number {
    const socket = this.#socket(fd)
    if (socket !== null) this.#machine.network.abort(socket)
    return this.close(fd)
  }

  close(fd: number): number {
    return this.#machine.process.close(fd, this.#worker)
  }

  /** Nothing is inherited here: no other process opens anything. */
  inherit(fd: number): number {
    return this.keep(fd)
  }

  claim(): number {
    return 0
  }

  resetWhenClosed(): number {
    return 0
  }

  keep(fd: number): number {
    const file = this.#machine.process.files[fd]
    if (!file) this.#machine.onBug(`descriptor ${fd} is kept, and not open`)
    else file.owner = this.#worker
    return fd
  }

  letGo(fd: number): void {
    const file = this.#machine.process.at(fd, this.#worker)
    if (file) file.owner = -1
  }

  #socket(fd: number): Socket | null {
    return this.#machine.process.at(fd, this.#worker)?.socket ?? null
  }

  #openPipe(bytes: number): { readFd: number; writeFd: number; bytes: number } | number {
    const { faults, process } = this.#machine
    if (faults.strikes('noPipe')) return -Errno.EMFILE
    const pipe = new Pipe(bytes)
    const readFd = process.open(new File(this.#worker, { pipe }))
    if (readFd < 0) return readFd
    const writeFd = process.open(new File(this.#worker, { pipe }))
    if (writeFd >= 0) return { readFd, writeFd, bytes }
    this.close(readFd)
    return writeFd
  }

  #splice(from: number, to: number, bytes: number): number {
    const { process, network, faults, dice, onBug } = this.#machine
    const source = process.at(from, this.#worker)
    const target = process.at(to, this.#worker)
    if (!source || !target) return -Errno.EBADF
    const most = faults.strikes('shortReceive') ? dice.size(Math.max(1, bytes)) : bytes
    if (source.socket && target.pipe) {
      if ([...source.operations].some(({ kind }) => kind === 'receive'))
        onBug('splice from a socket that is received from')
      const count = Math.min(most, target.pipe.capacity - target.pipe.queued, 65_536 * 4)
      if (count <= 0) return -Errno.EAGAIN
      const chunk = new Uint8Array(Math.min(count, Math.max(1, source.socket.incoming.queued)))
      const taken = network.read(source.socket, chunk, chunk.length)
      if (taken > 0) target.pipe.chunks.push(chunk.subarray(0, taken))
      if (taken > 0) target.pipe.queued += taken
      return taken
    }
    const pipe = source.pipe
    if (!pipe || !target.socket) return -Errno.EINVAL
    let given = 0
    while (given < most && pipe.chunks.length > 0) {
      const chunk = pipe.chunks[0].subarray(0, most - given)
      const result = network.write(target.socket, chunk)
      if (result < 0) return given || result
      if (result === 0) break
      if (result === pipe.chunks[0].length) pipe.chunks.shift()
      else pipe.chunks[0] = pipe.chunks[0].subarray(result)
      pipe.queued -= result
      given += result
    }
    return given || -Errno.EAGAIN
  }
}

function copy(from: Name, to: SocketName): number {
  to.family = from.family
  to.port = from.port
  for (let word = 0; word < 4; word++) to.words[word] = from.words[word] ?? 0
  return 0
}
