/**
 * The entry of a diagnostic code; the tables are beside the stages that use them (see codes.ts).
 */

export type CodeEntry = {
  readonly severity: 'error' | 'warning' | 'info'
  /** What it means, in half a sentence. */
  readonly title: string
  /** How to fix it. */
  readonly cure: string
}

export const error = (title: string, cure: string): CodeEntry => ({ severity: 'error', title, cure })
export const warning = (title: string, cure: string): CodeEntry => ({ severity: 'warning', title, cure })
export const info = (title: string, cure: string): CodeEntry => ({ severity: 'info', title, cure })
