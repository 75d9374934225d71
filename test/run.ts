/**
 * Runs the tests: all of them, or the files that it is given.
 *
 *   npm test                    what finds most mistakes in the least time
 *   npm run test:full           everything (docs/testing.md says what moved where)
 *   npm run test:full -- --rest what npm test does not run as well (support/rest.ts)
 *   npm test -- --times FILE…   how long each file takes
 *   npm test -- FILE --name R   only tests whose name matches R, a regular expression
 *   npm test -- --at-once N     so many files at a time
 *
 * Each file has a process of its own, except for those that need none: test/groups holds modules
 * that import the files of a folder into one process. With WEIR_TEST_STRICT=1, as in .ci/run, a
 * test that is skipped although it could run here is a failure.
 */

import { globSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { relative, resolve } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isExcused } from './support/excuses.ts'
import { isGrouped } from './support/groups.ts'
import { asksForSize } from './support/rest.ts'
import { Watchdog } from './support/watchdog.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TIMEOUT_MS = 180_000
/** A file without output for longer than any test may take hangs. */
const SILENCE_MS = Number(process.env.WEIR_TEST_SILENCE_MS ?? TIMEOUT_MS + 60_000)
/** Tests wait for much: with as many files at a time as there are CPUs, these would be idle. */
const AT_ONCE_EACH = 2
/**
 * What takes longest, longest first (`--times` tells), so that no file is left to run alone at the
 * end. Of npm test and test:full together: what is short in one of them does no harm there.
 */
const LONGEST = [
  'test/groups/engine-even.ts',
  'test/groups/engine-odd.ts',
  'test/groups/admin-even.ts',
  'test/groups/control.ts',
  'test/groups/browser.ts',
  'test/groups/admin-odd.ts',
  'test/sim/planted.test.ts',
  'test/groups/cli.ts',
  'test/groups/table.ts',
  'test/groups/kernel.ts',
  'test/groups/field.ts',
  'test/package.test.ts',
  'test/sim/fidelity.test.ts',
  'test/bench/weighting.test.ts',
  'test/groups/config.ts',
  'test/sim/sim.test.ts',
  'test/models/models.test.ts',
  'test/bench/soak.test.ts',
  'test/bench/reload.test.ts',
  'test/bench/memory.test.ts',
  'test/bench/readings.test.ts',
  'test/bench/lookup.test.ts',
  'test/engine/balance-workers.test.ts',
  'test/engine/silent.test.ts',
  'test/control/lost-ways.test.ts',
  'test/groups/bench.ts',
  'test/run.test.ts',
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'boolean', default: false },
    rest: { type: 'boolean', default: false },
    name: { type: 'string' },
    'at-once': { type: 'string' },
  },
})

process.chdir(ROOT)
if (values.rest) process.env.WEIR_TEST_REST = '1'
// Not in node_modules: npm trusts its own list of what is there only while nothing in it is newer.
process.env.NODE_COMPILE_CACHE ??= `${ROOT}.cache/compile`
// Engines in tests come and go, each with 40 MiB of shared memory of which it uses little. Once a
// block of a size has been freed, glibc takes the next ones of this size from its heap, where it
// has to clear them; by a threshold that stays they come from the kernel, empty and without memory
// until they are used. (mallopt(3), M_MMAP_THRESHOLD)
process.env.MALLOC_MMAP_THRESHOLD_ ??= String(2 ** 18)
// With a threshold that stays, the heap's end goes back to the kernel whenever 128 KiB of it are
// free, and is fetched anew page by page: an eighth of the CPU time of engine tests.
process.env.MALLOC_TRIM_THRESHOLD_ ??= String(2 ** 26)
process.env.MALLOC_TOP_PAD_ ??= String(2 ** 20)

const files = positionals.length > 0 ? positionals : allFiles()
const strict = process.env.WEIR_TEST_STRICT === '1'
const unexcused: string[] = []
const slow: { file: string; ms: number }[] = []

const reports = `${ROOT}.cache/reports`
mkdirSync(reports, { recursive: true })
const watchdog = new Watchdog(
  files.map(file => resolve(file)),
  SILENCE_MS,
)

const tests = run({
  files,
  concurrency: Number(values['at-once'] ?? availableParallelism() * AT_ONCE_EACH),
  timeout: TIMEOUT_MS,
  ...(values.name === undefined ? {} : { testNamePatterns: new RegExp(values.name) }),
  execArgv: [
    '--no-concurrent-recompilation',
    '--disable-warning=ExperimentalWarning',
    '--trace-warnings', // a warning says where it comes from
    '--report-on-signal', // the watchdog asks for it
    `--report-directory=${reports}`,
  ],
})
// These come at once; others wait for the files before. Of a group, `file` is one of its files.
for (const event of ['test:enqueue', 'test:dequeue', 'test:complete'] as const)
  tests.on(event, ({ file, entryFile }: { file?: string; entryFile?: string }) =>
    watchdog.heard(entryFile ?? file),
  )
tests.on('test:pass', ({ name, skip, file }) => {
  if (skip !== undefined && skip !== false && !isExcused(String(skip)))
    unexcused.push(`${relative(ROOT, file ?? '')}: ${name}: ${skip}`)
})
tests.on('test:summary', ({ file, success, duration_ms: ms }) => {
  if (file !== undefined) slow.push({ file: relative(ROOT, file), ms })
  else if (!success) process.exitCode = 1
})
tests.compose(spec).pipe(process.stdout)
tests.on('end', () => {
  watchdog.close()
  if (values.times)
    for (const each of slow.sort((a, b) => b.ms - a.ms)) console.log(`${Math.round(each.ms)} ms ${each.file}`)
  if (!strict || unexcused.length === 0) return
  console.error(`\n${unexcused.length} tests are skipped that could run here:\n${unexcused.join('\n')}`)
  process.exitCode = 1
})

/** Groups, and what has a process of its own. */
function allFiles(): string[] {
  const own = globSync('test/**/*.test.ts').filter(file => !isGrouped(relative('test', file)))
  const apart = values.rest ? own.filter(asksForSize) : own
  const all = [...globSync('test/groups/*.ts'), ...apart.sort()]
  const first = LONGEST.filter(file => all.includes(file)) // a bench may be part of its group
  return [...first, ...all.filter(file => !first.includes(file))]
}
