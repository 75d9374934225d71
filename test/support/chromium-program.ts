/**
 * Debian's Chromium, without a window. Its headless shell, which has nothing of what surrounds a
 * page, takes half the CPU time.
 */

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PROGRAMS = [
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const program = PROGRAMS.find(existsSync)

/** For `test(name, { skip }, …)`: what is missing, or false. */
export const skip: string | false = program
  ? false
  : 'needs Chromium: apt-get install chromium-headless-shell'

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: program as string,
    args: [
      '--host-resolver-rules=MAP *.test 127.0.0.1',
      // As root, as in a container, Chromium's own sandbox refuses to start.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
