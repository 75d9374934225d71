/**
 * The fourth stage: valid configuration that its author probably did not intend.
 *
 * It checks the Plan, which has every rule at each place where it applies, in the order of
 * evaluation, and the resources behind it. Warnings are cheap enough for every load; notes are for
 * `weir check`.
 */

import type { Findings } from '../findings/diagnostic.ts'
import type { Planned } from '../plan/to-plan.ts'
import type { Resource } from '../resource.ts'
import { reportClients } from './client-findings.ts'
import { reportDestinationShares } from './destination-shares.ts'
import { reportOrder } from './order-findings.ts'
import { reviewPlan } from './review.ts'
import { ReviewMemory } from './review-memory.ts'
import { reportRules } from './rule-findings.ts'
import { reportSockets } from './socket-findings.ts'
import { reportUnused } from './unused-findings.ts'
import { reportWeights } from './weight-findings.ts'

export type LintOptions = {
  /** Whether to add notes. */
  readonly notes: boolean
  /** The first port that this process may open; 0: all. */
  readonly openPortsFrom: number
}

const AT_LOAD: LintOptions = { notes: false, openPortsFrom: 0 }

/** Adds to `findings`; `settings` is the Settings document, if there is one. */
export function lint(
  planned: Planned,
  settings: Resource | null,
  findings: Findings,
  { notes, openPortsFrom }: LintOptions = AT_LOAD,
  memory = new ReviewMemory(),
): void {
  const virtualServices = new Map(planned.virtualServices.map(each => [each.resource.id, each]))
  const review = reviewPlan(planned.plan, memory)
  reportRules(review, virtualServices, findings, memory)
  reportClients(planned.plan, virtualServices, findings)
  for (const virtualService of planned.virtualServices) {
    if (virtualService.kept.hasGoodWeights && !notes) continue
    const { found } = findings
    reportWeights(virtualService, notes, findings)
    virtualService.kept.hasGoodWeights = findings.found === found
  }
  reportDestinationShares(planned, virtualServices, findings)
  reportSockets(planned, settings, openPortsFrom, notes, findings)
  reportUnused(planned, notes, findings)
  if (notes) reportOrder(planned.plan, review, virtualServices, findings)
}
