/**
 * Marks of rarely taken branches. The simulator counts them and fails if it never reaches one
 * (test/sim). Elsewhere a mark is an empty function, which V8 optimizes away.
 */

type Mark = (name: string) => void

/** Whoever counts marks has to say so before this module is loaded. */
export const mark: Mark = (globalThis as { weirMark?: Mark }).weirMark ?? (() => {})
