/**
 * Istio's own verdicts: cases drawn from its tests and run through its validators, if they are
 * available.
 */

import { deepEqual } from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findingsOf, type Json, verdict } from './validate-kit.ts'

type Case = {
  readonly id: string
  readonly kind: string
  readonly resource: Json
  readonly valid: boolean
  readonly warning: boolean
  readonly why: string
}

const FILE = fileURLToPath(new URL('../../../shared/istio/validation_cases.jsonl', import.meta.url))
const KINDS = [
  ...['VirtualService', 'DestinationRule', 'Gateway', 'ServiceEntry', 'WorkloadEntry'],
  ...['AuthorizationPolicy', 'PeerAuthentication'],
]
const LATER = ['Sidecar', 'WorkloadGroup']

const lines = existsSync(FILE) ? readFileSync(FILE, 'utf8').trim().split('\n') : []
const byKind = Map.groupBy(
  lines.map(line => JSON.parse(line) as Case),
  each => each.kind,
)

/** Istio's warnings count only where the resource is valid; weir's own notes (CFG3xx) never do. */
function disagreement({ resource, valid, warning, why }: Case): string | null {
  const said = findingsOf(resource).filter(each => each.severity === 'error')
  const warned = verdict(findingsOf(resource)).length > said.length
  const agrees = (said.length === 0) === valid && (!valid || warned === warning)
  return agrees ? null : `${why}; weir: ${said.map(each => each.message).join('; ') || 'valid'}`
}

for (const kind of KINDS) {
  const cases = byKind.get(kind) ?? []
  test(`every ${kind} gets Istio's verdict`, {
    skip: cases.length === 0 && 'cases outside the repository are not here',
  }, t => {
    const wrong = cases.flatMap(each => {
      const complaint = disagreement(each)
      return complaint === null ? [] : [`${each.id}: ${complaint}`]
    })
    t.diagnostic(`${kind}: ${cases.length - wrong.length} of ${cases.length} cases`)
    deepEqual(wrong, [])
  })
}

for (const kind of LATER) {
  const count = byKind.get(kind)?.length ?? 0
  test(`every ${kind} gets Istio's verdict`, {
    skip: `${kind} is not supported yet (${count} cases)`,
  }, () => {})
}
