/**
 * Ends a hanging test file, and reports what it was doing.
 *
 * Node's time limit for a test is a timer in the test's own process: it never fires if the main
 * thread is blocked, or if the tests are done and the process cannot end. From outside, such a file
 * is one without output for longer than any test may take.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const LOOK_MS = 1_000
/** How long Node may take for a report (--report-on-signal). */
const REPORT_MS = 3_000

export class Watchdog {
  readonly #files: ReadonlySet<string>
  readonly #silenceMs: number
  /** When each was heard last, or seen first. */
  readonly #heardMs = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  /** @param files  Whole paths. */
  constructor(files: readonly string[], silenceMs: number) {
    this.#files = new Set(files)
    this.#silenceMs = silenceMs
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  heard(file: string | undefined): void {
    if (file !== undefined) this.#heardMs.set(file, Date.now())
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    for (const pid of childrenOf(process.pid)) {
      const file = wordsOf(pid)
        .map(word => resolve(word)) // it is named as `npm test` named it
        .find(word => this.#files.has(word))
      if (file === undefined) continue
      const heardMs = this.#heardMs.get(file)
      if (heardMs === undefined) this.heard(file)
      else if (Date.now() - heardMs > this.#silenceMs) {
        this.#heardMs.set(file, Number.POSITIVE_INFINITY)
        void this.#end(pid, file)
      }
    }
  }

  async #end(pid: number, file: string): Promise<void> {
    const threads = threadsOf(pid).join('\n  ')
    console.error(`\n${file} hangs: nothing for ${this.#silenceMs / 1000} s. Its threads:\n  ${threads}`)
    process.kill(pid, 'SIGUSR2')
    await pause(REPORT_MS)
    process.kill(pid, 'SIGKILL')
  }
}

const numbers = (text: string): number[] => text.trim().split(' ').filter(Boolean).map(Number)

/** Nothing without /proc. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const childrenOf = (pid: number): number[] => numbers(read(`/proc/${pid}/task/${pid}/children`))

const wordsOf = (pid: number): string[] => read(`/proc/${pid}/cmdline`).split('\0')

/** Each thread's name, and where in the kernel it waits. */
function threadsOf(pid: number): string[] {
  const at = `/proc/${pid}/task`
  return readdirSync(at).map(
    id => `${read(`${at}/${id}/comm`).trim()}: ${read(`${at}/${id}/wchan`) || 'runs'}`,
  )
}
