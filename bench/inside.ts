/** Programs in namespaces of their own, which print what they found: a JSON value a line. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { installed } from './installed.ts'

/** What is missing to run one: of these programs, and root. */
export const missingInside = (programs: readonly string[]): readonly string[] => [
  ...programs.filter(each => installed(each) === ''),
  ...(process.getuid?.() === 0 ? [] : ['root']),
]

/** Runs unshare(1) with these words; its exit code. It ends, too, if `take` throws. */
export async function runInside<T>(words: readonly string[], take: (found: T) => void): Promise<number> {
  const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closes = once(child, 'close')
  try {
    for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line))
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL')
    child.stdout.destroy() // which what it has started may have open for longer
    await closes
  }
  return child.exitCode ?? -1
}
