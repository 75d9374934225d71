/**
 * The access log from the main thread's side: it starts the thread (access-log/task.ts) with the
 * workers' records, sends it tables, and ends it after the workers. Changed settings start a new
 * thread, which continues where the old one ended. Without settings there is none.
 *
 * The log reports missing lines now and then: records that found no room, and lines that could not
 * be written. A thread that dies of a bug is replaced and continues where it was.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { AccessLogTask, LogOrder, LogReport } from '../../access-log/protocol.ts'
import { threadModule } from '../../base/own-files.ts'
import { Threads } from '../../base/threads.ts'
import type { Generations } from '../../stats/generations.ts'
import type { JournalMemory } from '../../stats/journal-memory.ts'
import { droppedRecords, unfollow, Wanted, waitingRecords, want } from '../../stats/records.ts'
import type { TableBuffers } from '../../table/format/table.ts'
import type { Logger } from './log.ts'

const LOOK_MS = 10_000
const RESTART_MS = 1_000
/** How long the thread of a closed log is kept. */
const IDLE_MS = 1_000
/** How long a reader that does not read may delay the end. */
const END_MS_MAX = 2_000

export type AccessLogSettings = Pick<AccessLogTask, 'path' | 'format' | 'everyMs'> & {
  /** Whether to write a line when a connection is established, too. */
  readonly open: boolean
}

export type LoggingThreads = Threads<AccessLogTask, void>

/**
 * null: no access log.
 *
 * @param most  One for each log that is written at the same time.
 */
export const loggingThreads = (lent = false, most = 1): LoggingThreads =>
  new Threads({
    module: threadModule('access-log/task').href,
    least: 0,
    most,
    idleMs: IDLE_MS,
    lent,
  })

export class AccessLog {
  readonly #journals: readonly JournalMemory[]
  /** For a thread that starts. */
  readonly #generations: Generations
  #settings: AccessLogSettings | null = null
  readonly #log: Logger
  readonly #threads: LoggingThreads
  readonly #timer: NodeJS.Timeout
  readonly #ended = Promise.withResolvers<void>()
  #port: MessagePort | null = null
  #restart: NodeJS.Timeout | undefined
  #told = 0
  #lostBefore = 0
  #lost = 0
  #ending = false

  constructor(
    { journals, generations }: { journals: readonly JournalMemory[]; generations: Generations },
    settings: AccessLogSettings | null,
    log: Logger,
    threads = loggingThreads(),
  ) {
    this.#journals = journals
    this.#generations = generations
    this.#log = log
    this.#threads = threads
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
    this.configure(settings)
  }

  /** Writes by these settings from now on; null: nothing. */
  configure(settings: AccessLogSettings | null): void {
    if (this.#ending || JSON.stringify(settings) === JSON.stringify(this.#settings)) return
    this.#settings = settings
    // Here and not in the thread: connections that end before it has started wait for it in the
    // rings.
    const wanted = settings === null ? 0 : Wanted.ends | (settings.open ? Wanted.connects : 0)
    for (const { records } of this.#journals) want(records, wanted)
    if (this.#port) this.#post({ kind: 'end' })
    else if (this.#restart === undefined) this.#start()
  }

  /** Lines that could not be written, since the start. */
  get lost(): number {
    return this.#lostBefore + this.#lost
  }

  /** A table is about to be published, which `generations` has by now. */
  publishing(table: TableBuffers): void {
    this.#post({ kind: 'table', table })
  }

  /**
   * The clients part of the newest table is about to be replaced. Records have the addresses of
   * endpoints, so new endpoints do not matter to that thread.
   */
  revisingClients(clients: SharedArrayBuffer): void {
    this.#post({ kind: 'clients', clients })
  }

  /** Reopens the file after a rename. */
  reopen(): void {
    this.#post({ kind: 'reopen' })
  }

  /** Writes what is left, once all workers have ended. */
  async close(): Promise<void> {
    this.#ending = true
    clearInterval(this.#timer)
    clearTimeout(this.#restart)
    if (this.#port === null) this.#ended.resolve()
    this.#post({ kind: 'end' })
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, END_MS_MAX)
    await Promise.race([this.#ended.promise, late.promise])
    clearTimeout(timer)
    await this.#threads.close()
    this.#lost += this.#sum(waitingRecords) // nobody will write them any more
    this.#look()
  }

  #post(order: LogOrder): void {
    this.#port?.postMessage(order)
  }

  #start(): void {
    this.#restart = undefined
    if (this.#settings === null) return
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', (report: LogReport) => this.#onReport(report))
    const { path, format, everyMs } = this.#settings
    const known = this.#generations.state
    const task = { path, format, everyMs, journals: this.#journals, known, port: port2 }
    this.#threads.run(task, { transfer: [port2] }).then(
      () => this.#onEnded(),
      (error: unknown) => this.#onDied(error),
    )
  }

  /** It was told to: for good, or for a log with other settings. */
  #onEnded(): void {
    this.#closePort()
    if (this.#settings === null) for (const { records } of this.#journals) unfollow(records)
    if (this.#ending) this.#ended.resolve()
    else this.#start()
  }

  /** The thread's last report may still be in the port, since its end arrives by another way. */
  #closePort(): void {
    const port = this.#port
    for (let last = port && receiveMessageOnPort(port); last; last = port && receiveMessageOnPort(port))
      this.#onReport(last.message)
    port?.close()
    this.#port = null
    this.#lostBefore += this.#lost
    this.#lost = 0
  }

  #onDied(error: unknown): void {
    this.#closePort()
    if (this.#ending) {
      this.#ended.resolve()
      return
    }
    this.#log.error({ err: error }, `the access log’s thread died; another starts in ${RESTART_MS} ms`)
    this.#restart = setTimeout(() => this.#start(), RESTART_MS)
  }

  #onReport({ lost, trouble }: LogReport): void {
    this.#lost = lost
    const where = this.#settings?.path ?? 'standard output'
    if (trouble) this.#log.error({ code: trouble.code }, `the access log: ${where}: ${trouble.message}`)
  }

  #sum(count: (records: SharedArrayBuffer) => number): number {
    return this.#journals.reduce((sum, { records }) => sum + count(records), 0)
  }

  /** Logs what was lost since the last check. */
  #look(): void {
    const dropped = this.#sum(droppedRecords)
    const missing = dropped + this.lost
    if (missing === this.#told) return
    const count = missing - this.#told
    this.#told = missing
    this.#log.warn(
      { missing: count, dropped, lost: this.lost },
      `the access log misses ${count} lines: ${WHY}`,
    )
  }
}

const WHY = 'its reader or disk was too slow, or could not be written to'
