/**
 * The size of the tests: everything for `npm run test:full`, which sets WEIR_TEST_FULL=1; for `npm
 * test` what finds most mistakes in the least time (docs/testing.md has the differences).
 *
 * WEIR_TEST_RUNS=10 is for a campaign: ten times as many runs of each property as test:full has.
 * WEIR_TEST_SEED=N begins every property with the seed that a failure reported.
 */

const { WEIR_TEST_FULL, WEIR_TEST_RUNS, WEIR_TEST_SEED } = process.env

const FULL = WEIR_TEST_FULL === '1'
const FACTOR = Number(WEIR_TEST_RUNS ?? (FULL ? 1 : 0.1))
/** Below this many runs a property proves little, whatever they cost. */
const RUNS_LEAST = 20

if (WEIR_TEST_SEED !== undefined) {
  const { configureGlobal } = await import('fast-check')
  configureGlobal({ seed: Number(WEIR_TEST_SEED) })
}

/** For `test(name, { skip: fullOnly }, …)`: what only test:full runs. */
export const fullOnly: string | false = FULL ? false : 'part of npm run test:full'

/** How often to try a property that test:full tries `full` times: a tenth, or RUNS_LEAST. */
export const runs = (full: number): number => Math.max(Math.round(full * FACTOR), Math.min(full, RUNS_LEAST))

/** Rare cases of a generator can be required only after many runs. */
export const enoughRuns = FACTOR >= 1

/** One size for test:full, another otherwise: of a load, a file, a number of connections. */
export const sized = (usual: number, full: number): number => (FULL ? full : usual)
