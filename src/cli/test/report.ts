/** The result of `weir test`, before it is written in one of its formats. */

import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import type { RouteTest } from '../../config/route-tests/route-tests.ts'
import type { Explanation } from '../../table/explain/explanation.ts'
import type { Coverage } from './coverage.ts'
import type { Miss } from './judge.ts'

/** One test and its result. */
export type Tested = {
  readonly test: RouteTest
  readonly answer: Explanation
  /** Empty: it passes. */
  readonly misses: readonly Miss[]
}

export type TestReport = {
  readonly tested: readonly Tested[]
  /** null if the configuration is invalid. */
  readonly coverage: Coverage | null
  /** The minimum coverage, in percent; null: no minimum. */
  readonly minCoverage: number | null
  /** Errors, and other findings about RouteTests. */
  readonly findings: readonly Diagnostic[]
}

export const isCovered = ({ coverage, minCoverage }: TestReport): boolean =>
  coverage !== null && (minCoverage === null || coverage.percent >= minCoverage)

/** A run without tests fails: a pipeline that names the wrong folder must not be green. */
export const isOk = (report: TestReport): boolean =>
  isCovered(report) && report.tested.length > 0 && report.tested.every(each => each.misses.length === 0)
