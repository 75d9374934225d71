/**
 * A worker like the real one (src/engine/worker/worker.ts) whose connections get a prefix, or
 * filters.
 */

import assert from 'node:assert/strict'
import { PassThrough } from '../../bench/filter/pass-through.ts'
import { ProxyHeaderReader } from '../../src/engine/decide/proxy-reader.ts'
import type { OnAdmitted } from '../../src/engine/flow/admission.ts'
import { runFlowEngine } from '../../src/engine/flow/engine.ts'
import type { Filter } from '../../src/engine/flow/filter.ts'
import { kindOf, RECEIVE } from '../../src/engine/flow/operations.ts'
import { CLIENT, type Side, UPSTREAM } from '../../src/engine/flow/slots.ts'
import { Inboxes } from '../../src/engine/worker/inboxes.ts'
import type { WorkerTask } from '../../src/engine/worker/protocol.ts'
import { EpollKernel } from '../../src/kernel/epoll/kernel.ts'
import { hold } from '../../src/kernel/held.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { machine } from '../../src/kernel/machine.ts'
import { UringKernel } from '../../src/kernel/uring/kernel.ts'
import { operationOf } from '../../src/kernel/user-data.ts'
import { openWake } from '../../src/kernel/wake.ts'

export type Between = {
  /** The upstream gets this first. */
  readonly prefix?: string
  /** Upstreams are connected to once the client has said something. */
  readonly onceSaid?: boolean
  /** By side. */
  readonly filters?: readonly (keyof typeof FILTERS | null)[]
}

/** What changes, answers or speaks. */
class Speaking extends PassThrough {
  protected view(buffer: number, bytes: number): Uint8Array {
    const at = this.stages.queues.placeOf(buffer)
    return this.stages.memory.u8.subarray(at, at + bytes)
  }

  /** Words of the filter's own, out to the side. */
  protected utter(slot: number, side: Side, words: string): void {
    const buffer = this.stages.queues.borrow(false)
    assert.ok(buffer >= 0)
    const text = Buffer.from(words)
    this.view(buffer, text.length).set(text)
    this.stages.flows.put(slot, side, buffer, text.length, 0, false)
  }
}

/** Turns every bit around, and says `bye` at the end. */
class Inverting extends Speaking {
  override readonly isTransparent = false

  override said(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    this.#invert(buffer, bytes)
    super.said(slot, side, buffer, bytes, more)
  }

  override tell(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    this.#invert(buffer, bytes)
    super.tell(slot, side, buffer, bytes, more)
  }

  override tellEnd(slot: number, side: Side): void {
    this.utter(slot, side, 'bye')
    super.tellEnd(slot, side)
  }

  #invert(buffer: number, bytes: number): void {
    const view = this.view(buffer, bytes)
    for (let at = 0; at < view.length; at++) view[at] ^= 0xff
  }
}

/**
 * Keeps what the side says until it is a line: answers `hello` with `welcome`, and breaks the
 * connection at anything else. What comes after the line is passed on.
 */
class Handshake extends Speaking {
  override readonly isTransparent = false
  readonly #heard = new Map<number, string>()

  override said(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    const heard = this.#heard.get(slot) ?? ''
    if (heard.endsWith('\n')) {
      super.said(slot, side, buffer, bytes, more)
      return
    }
    const text = heard + Buffer.from(this.view(buffer, bytes)).toString('latin1')
    this.stages.queues.give(buffer)
    this.#heard.set(slot, text)
    if (!text.endsWith('\n')) return
    if (text === 'hello\n') this.utter(slot, side, 'welcome\n')
    else this.stages.endings.break(slot, side, 0)
  }

  override closed(slot: number): void {
    this.#heard.delete(slot)
  }
}

const FILTERS = { passThrough: PassThrough, inverting: Inverting, handshake: Handshake } as const

export default async function runWorker(task: WorkerTask & Between): Promise<void> {
  hold(task.held)
  const kernel = (task.engine === 'uring' ? UringKernel : EpollKernel).open(wakeFdOf(task))
  assert.ok(typeof kernel !== 'number')
  if (task.onceSaid) connectAfterWords(kernel)
  runFlowEngine({ ...task, world: machine, reader: new ProxyHeaderReader() }, kernel, standing(task))
}

function standing({ prefix, filters }: Between): OnAdmitted {
  const made: (Filter | null)[] = []
  return (slot, stages) => {
    for (const side of [CLIENT, UPSTREAM] as const) {
      const name = filters?.[side]
      if (!name) continue
      made[side] ??= new FILTERS[name](stages)
      stages.ports.setFilter(2 * slot + side, made[side])
    }
    if (prefix) assert.ok(stages.flows.prefix(slot, UPSTREAM, Buffer.from(prefix)))
  }
}

/** Connects only once bytes have been received. */
function connectAfterWords(kernel: UringKernel | EpollKernel): void {
  const [connect, next] = [kernel.connect.bind(kernel), kernel.next.bind(kernel)]
  const waiting: Parameters<Kernel['connect']>[] = []
  kernel.connect = (fd, family, words, ...rest) => {
    waiting.push([fd, family, Array.from(words), ...rest])
  }
  kernel.next = () => {
    const found = next()
    if (found && kindOf(operationOf(kernel.word)) === RECEIVE)
      for (const each of waiting.splice(0)) connect(...each)
    return found
  }
}

function wakeFdOf({ inboxes, index }: WorkerTask): number {
  const shared = new Inboxes(inboxes)
  const fd = openWake()
  assert.ok(fd >= 0)
  shared.setWakeFd(index, fd)
  return fd
}
