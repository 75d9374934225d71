/** When something was so, by name: spans of time with both ends. */

export class Spans {
  readonly #spans = new Map<string, { readonly fromMs: number; toMs: number }[]>()

  begin(name: string, nowMs: number, toMs = Number.POSITIVE_INFINITY): void {
    if (this.isIn(name, nowMs)) return
    this.#spans.set(name, [...(this.#spans.get(name) ?? []), { fromMs: nowMs, toMs }])
  }

  end(name: string, nowMs: number): void {
    for (const span of this.#spans.get(name) ?? []) if (span.toMs > nowMs) span.toMs = nowMs
  }

  /** Whether it is so from now on. */
  isIn(name: string, nowMs: number): boolean {
    return this.#spans.get(name)?.some(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs) ?? false
  }

  /** Whether it was so at some moment of a time, both ends of which belong to it. */
  touches(name: string, sinceMs: number, untilMs = sinceMs): boolean {
    return this.#spans.get(name)?.some(({ fromMs, toMs }) => fromMs <= untilMs && sinceMs <= toMs) ?? false
  }
}
