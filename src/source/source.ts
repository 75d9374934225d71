/**
 * A source of configuration, as the gateway sees it: what is there now, what changes, close.
 *
 * Files (files/source.ts) are one. `current` returns plain data for the compiling thread, which
 * does the reading: the main thread only learns that something has changed.
 */

export type Source<Now> = {
  /** What is to be compiled now. */
  current(): Now
  /** Begins to report changes; resolves when changes from now on are seen. */
  open(onChange: () => void, onError: (error: Error) => void): Promise<void>
  close(): Promise<void>
}
