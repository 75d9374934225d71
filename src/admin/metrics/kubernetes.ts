/** Metrics of what weir follows of a cluster's API; without one they have no values. */

import { monotonicMs } from '../../base/clock.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { ReflectorState } from '../../source/kubernetes/reflector-state.ts'
import { counter, type Family, gauge, type Value } from './family.ts'

export function kubernetesFamilies(gateway: Gateway): Family[] {
  const each = (read: (state: ReflectorState) => number) => (): Value[] =>
    (gateway.kubernetes?.states ?? []).map(state => ({ labels: { kind: state.title }, value: read(state) }))
  return [
    gauge(
      'weir_kubernetes_synced',
      '1 if what is known of the kind is complete and followed; 0 while the API server does not answer.',
      each(({ phase, isSynced }) => (isSynced && (phase === 'watching' || phase === 'absent') ? 1 : 0)),
    ),
    gauge(
      'weir_kubernetes_heard_seconds',
      'Time since the API server last said something of the kind: the age of what is known.',
      each(({ heardMs }) => (monotonicMs() - heardMs) / 1000),
    ),
    gauge(
      'weir_kubernetes_objects',
      'Objects of the kind that are known.',
      each(state => state.objects),
    ),
    counter(
      'weir_kubernetes_lists_total',
      'Lists of the kind that were begun.',
      each(state => state.lists),
    ),
    counter(
      'weir_kubernetes_watches_total',
      'Watches that were begun.',
      each(state => state.watches),
    ),
    counter(
      'weir_kubernetes_failures_total',
      'Lists and watches that failed, and were tried again after a while.',
      each(state => state.failures),
    ),
    gauge(
      'weir_kubernetes_left_out',
      'Objects whose newest version is wrong, by whether their last good version serves in its place.',
      () => leftOut(gateway),
    ),
  ]
}

function leftOut({ kubernetes, serving }: Gateway): Value[] {
  if (!kubernetes) return []
  const all = serving?.compiled.leftOut ?? []
  return [true, false].map(isKept => ({
    labels: { kept: String(isKept) },
    value: all.filter(each => each.isKept === isKept).length,
  }))
}
