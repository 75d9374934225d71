/**
 * Test files that share a process, by folder: starting one costs more than most of these files do.
 *
 * For files that leave nothing behind: no hook of the whole process, no changed directory or
 * environment. Those that need a process of their own are named here. Each group has an entry in
 * test/groups.
 */

import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { beforeEach, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fullOnly } from './full.ts'
import { adding, asksForSize, restOnly } from './rest.ts'

const TEST = fileURLToPath(new URL('..', import.meta.url))

/** Tests with pages share a browser, whatever their folder, since a browser is slow to start. */
const BROWSER: readonly string[] = [
  'admin/page-browser.test.ts',
  'admin/page-navigation.test.ts',
  'admin/page-views.test.ts',
  'bench/page.test.ts',
  'engine/tls-browser.test.ts',
]

/** By folder, the files that are not in its group; null: none is. */
export const GROUPS: Readonly<Record<string, readonly string[] | null>> = {
  'access-log': [],
  admin: BROWSER,
  base: [],
  bench: fullOnly ? BROWSER : null, // a whole bench has its process for itself
  cli: ['cli/input.test.ts', 'cli/start.test.ts'],
  config: [],
  control: ['control/lost.test.ts', 'control/lost-ways.test.ts', 'control/many.test.ts'],
  docs: ['docs/examples.test.ts'],
  engine: [
    ...BROWSER,
    'engine/balance-workers.test.ts',
    'engine/proxy-peers.test.ts',
    'engine/silent.test.ts',
  ],
  address: [],
  field: [],
  kernel: [],
  source: [],
  stats: [],
  table: ['table/torn-reads.test.ts'],
  wire: [],
}

/** Whether a file, named from test/, runs with others. */
export function isGrouped(file: string): boolean {
  return BROWSER.includes(file) || isOfItsFolder(file)
}

function isOfItsFolder(file: string): boolean {
  const apart = GROUPS[dirname(file)] ?? null
  return apart !== null && !apart.includes(file)
}

/** Imports the files of these folders; `node:test` runs what they add. */
export async function load(...folders: readonly string[]): Promise<void> {
  const files = folders.flatMap(folder =>
    globSync(`${folder}/*.test.ts`, { cwd: TEST }).filter(isOfItsFolder),
  )
  await importAll(files.sort())
}

/**
 * Every second file of a folder, from the first (0) or the second (1) on: a folder that takes
 * long would else be alone at the end of a run, with a CPU idle.
 */
export async function loadHalf(folder: string, half: 0 | 1): Promise<void> {
  const files = globSync(`${folder}/*.test.ts`, { cwd: TEST }).filter(isOfItsFolder).sort()
  await importAll(files.filter((_, index) => index % 2 === half))
}

/** The same, of what opens pages. */
export const loadBrowsing = (): Promise<void> => importAll(BROWSER)

/**
 * Tests that wait for nothing follow each other without a turn of the event loop, and their
 * results stay in this process until the last one: to whoever listens (watchdog.ts) it hangs.
 *
 * While the files load, a test of their own goes on: were all tests so far to end meanwhile,
 * `node:test` would take it for the end of the process and run no hook that a later file adds.
 */
async function importAll(files: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  beforeEach(() => turn())
  const wanted = restOnly ? files.filter(file => asksForSize(`test/${file}`)) : files
  test(`${wanted.length} files load`, () => promise)
  try {
    for (const file of wanted) {
      adding.file = `test/${file}`
      await import(`../${file}`)
    }
    resolve()
  } catch (error) {
    reject(error)
    throw error
  }
}
