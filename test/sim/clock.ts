/**
 * Time, and what happens at a time: the one queue of a run. Nothing else makes anything happen, so
 * the order in which it is emptied is the run.
 */

type Event = { readonly atMs: number; readonly number: number; readonly run: () => void }

/** FNV-1a, 32 bits. */
const FNV_START = 0x811c9dc5
const FNV_PRIME = 0x01000193

export class Clock {
  nowMs = 1000
  /**
   * Of all that was noted: the same for two runs of a seed, or the run was not its seed's alone.
   */
  hash = FNV_START
  notes = 0
  readonly #print: ((line: string) => void) | null
  readonly #heap: Event[] = []
  #count = 0

  /** @param print  Is told each note; null where nobody reads them. */
  constructor(print: ((line: string) => void) | null) {
    this.#print = print
  }

  /** When the next event is; Infinity where there is none. */
  get nextMs(): number {
    return this.#heap.length > 0 ? this.#heap[0].atMs : Number.POSITIVE_INFINITY
  }

  in(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  /** Events of one time happen in the order in which they were asked for. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap
    heap.push({ atMs: Math.max(atMs, this.nowMs), number: this.#count++, run })
    for (let at = heap.length - 1; at > 0; ) {
      const above = (at - 1) >> 1
      if (!isBefore(heap[at], heap[above])) break
      swap(heap, at, above)
      at = above
    }
  }

  /** Lets the next event happen, at its time. */
  step(): void {
    const heap = this.#heap
    const event = heap[0]
    const last = heap.pop() as Event
    if (heap.length > 0) {
      heap[0] = last
      for (let at = 0; ; ) {
        let least = 2 * at + 1
        if (least >= heap.length) break
        if (least + 1 < heap.length && isBefore(heap[least + 1], heap[least])) least++
        if (!isBefore(heap[least], heap[at])) break
        swap(heap, at, least)
        at = least
      }
    }
    this.nowMs = Math.max(this.nowMs, event.atMs)
    event.run()
  }

  /** A line of the trace. */
  note(what: string, a = 0, b = 0, c = 0): void {
    this.notes++
    let hash = this.hash
    for (let at = 0; at < what.length; at++) hash = Math.imul(hash ^ what.charCodeAt(at), FNV_PRIME)
    hash = Math.imul(hash ^ a, FNV_PRIME)
    hash = Math.imul(hash ^ b, FNV_PRIME)
    hash = Math.imul(hash ^ c, FNV_PRIME)
    this.hash = Math.imul(hash ^ Math.round(this.nowMs * 1000), FNV_PRIME) >>> 0
    this.#print?.(`${this.nowMs.toFixed(3).padStart(12)}  ${what.padEnd(24)} ${a} ${b} ${c}`)
  }
}

const isBefore = (left: Event, right: Event): boolean =>
  left.atMs < right.atMs || (left.atMs === right.atMs && left.number < right.number)

function swap(heap: Event[], a: number, b: number): void {
  const held = heap[a]
  heap[a] = heap[b]
  heap[b] = held
}
