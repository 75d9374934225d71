/**
 * Marks of branches that few connections take: the simulator counts them, and fails when one is
 * never reached (test/sim). Elsewhere a mark is an empty function, which V8 leaves out.
 */

type Mark = (name: string) => void

/** Whoever counts marks has to say so before this module is loaded. */
export const mark: Mark = (globalThis as { weirMark?: Mark }).weirMark ?? (() => {})
