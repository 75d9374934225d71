/**
 * The access log's thread: the task that turns records into lines until it is told to end.
 *
 *   rings of the workers ─(every 100 ms)─▶ lines in a buffer ─▶ standard output or a file
 *
 * It may block on a slow reader: workers drop and count records that find no room in their rings.
 * Records are named by the table of their generation, which arrives before them.
 */

import { receiveMessageOnPort } from 'node:worker_threads'
import { unreachable } from '../base/assert.ts'
import { clockOriginMs, monotonicMs } from '../base/clock.ts'
import { Live, LiveHead, openConnections } from '../stats/connections.ts'
import { Generations } from '../stats/generations.ts'
import { LiveConnections } from '../stats/live-connections.ts'
import { RecordKind, RecordReader } from '../stats/records.ts'
import { Bytes } from './bytes.ts'
import { JsonLines } from './json.ts'
import { LINE_BYTES_MAX, type LineWriter } from './lines.ts'
import type { AccessLogTask, LogOrder, LogReport } from './protocol.ts'
import { Sink } from './sink.ts'
import { TextLines } from './text.ts'

const DRAIN_MS = 100
/** How often the file's name is checked. */
const FOLLOW_MS = 1_000
const BUFFER_BYTES = 1 << 18

export default (task: AccessLogTask): Promise<void> =>
  new Promise(resolve => {
    new AccessLogThread(task, resolve).start()
  })

class AccessLogThread {
  readonly #task: AccessLogTask
  readonly #onEnd: () => void
  readonly #readers: readonly RecordReader[]
  readonly #origins: readonly Float64Array[]
  readonly #live: LiveConnections
  readonly #generations: Generations
  readonly #lines: LineWriter
  readonly #sink: Sink
  readonly #out = new Bytes(BUFFER_BYTES)
  readonly #timers: NodeJS.Timeout[] = []
  #followedMs = monotonicMs()
  #reopens = false
  #ends = false
  #told: LogReport = { lost: 0, trouble: null }

  constructor(task: AccessLogTask, onEnd: () => void) {
    this.#task = task
    this.#onEnd = onEnd
    this.#readers = task.journals.map(({ records }) => new RecordReader(records))
    this.#origins = task.journals.map(({ connections }) => openConnections(connections).numbers)
    this.#live = new LiveConnections(task.journals.map(({ connections }) => connections))
    this.#generations = new Generations(this.#live, null, task.known)
    this.#lines = new (task.format === 'json' ? JsonLines : TextLines)(this.#generations)
    this.#sink = new Sink(task.path)
  }

  start(): void {
    const { port, everyMs } = this.#task
    port.on('message', this.#obey)
    this.#timers.push(setInterval(this.#tick, DRAIN_MS))
    if (everyMs > 0) this.#timers.push(setInterval(this.#writeLive, everyMs))
    this.#report()
  }

  readonly #tick = (): void => {
    this.#turn()
    if (this.#ends) this.#end()
  }

  #turn(): void {
    this.#generations.retire()
    const heads = this.#readers.map(reader => reader.head())
    this.#readOrders() // the table of a record was posted before the record was written
    for (const [worker, reader] of this.#readers.entries()) reader.drain(this.#write, heads[worker])
    this.#generations.drop()
    this.#flush()
    this.#follow()
    this.#report()
  }

  #readOrders(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#task.port) as { message: LogOrder } | undefined
      if (!received) return
      this.#note(received.message)
    }
  }

  #note(order: LogOrder): void {
    switch (order.kind) {
      case 'table':
        this.#generations.add(order.table)
        break
      case 'clients':
        this.#generations.revise('clients', order.clients)
        break
      case 'reopen':
        this.#reopens = true
        break
      case 'end':
        this.#ends = true
        break
      default:
        unreachable(order)
    }
  }

  readonly #obey = (order: LogOrder): void => {
    this.#note(order)
    if (this.#reopens || this.#ends) this.#tick()
  }

  #follow(): void {
    const nowMs = monotonicMs()
    if (this.#reopens) this.#sink.reopen()
    else if (nowMs - this.#followedMs >= FOLLOW_MS) this.#sink.follow()
    else return
    this.#reopens = false
    this.#followedMs = nowMs
  }

  readonly #write = (words: Int32Array, numbers: Float64Array, at: number): void => {
    if (this.#out.room() < LINE_BYTES_MAX) this.#flush()
    this.#lines.put(this.#out, words, numbers, at)
  }

  /** A line for every connection that is older than the interval. */
  readonly #writeLive = (): void => {
    this.#live.visit((words, numbers, worker) => {
      const nowMs = monotonicMs() + clockOriginMs - this.#origins[worker][LiveHead.originMs / 2]
      if (nowMs - numbers[Live.acceptedMs / 2] < this.#task.everyMs) return true
      words[Live.kind] = RecordKind.periodic
      words[Live.reason] = -1
      numbers[Live.endedMs / 2] = nowMs
      this.#write(words, numbers, 0)
      return true
    })
    this.#flush()
  }

  #flush(): void {
    if (this.#out.length === 0) return
    this.#sink.write(this.#out.buffer.subarray(0, this.#out.length))
    this.#out.length = 0
    for (const reader of this.#readers) reader.release() // only now that they are written
  }

  #report(): void {
    const { lost, trouble } = this.#sink
    if (lost === this.#told.lost && trouble?.code === this.#told.trouble?.code) return
    this.#told = { lost, trouble }
    this.#task.port.postMessage(this.#told)
  }

  /** The sender has ended the workers first. */
  #end(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#turn()
    this.#sink.close()
    this.#task.port.off('message', this.#obey)
    this.#task.port.close()
    this.#onEnd()
  }
}
