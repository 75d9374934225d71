/** Whether a server name matches one of some patterns (../format/access.ts). */

import type { NamePatterns } from '../format/access.ts'

/** @param name  In lower case; '' means none, and matches no pattern. */
export function takesName({ exact, prefixes, suffixes }: NamePatterns, name: string): boolean {
  if (name === '') return false
  if (exact.has(name)) return true
  for (const prefix of prefixes) if (name.startsWith(prefix)) return true
  for (const suffix of suffixes) if (name.endsWith(suffix)) return true
  return false
}
