/**
 * Marks of rarely taken branches. The simulator counts them and fails if it never reaches one
 * (test/sim). Elsewhere a mark is an empty function, which V8 optimizes away.
 */

type Mark = (name: string) => void

/** To count marks, set the hook before this module is loaded. */
export const mark: Mark = (globalThis as { weirMark?: Mark }).weirMark ?? (() => {})
