/** The log of a cluster's troubles: each once, whatever else fails meanwhile, and its end. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { KubernetesLog } from '../../src/control/observe/kubernetes-log.ts'
import type { ReflectorState } from '../../src/source/kubernetes/reflector-state.ts'
import { watchedLog } from './scene.ts'

const stateOf = (title: string, more: Partial<ReflectorState> = {}): ReflectorState => ({
  title,
  kind: title,
  phase: more.trouble === undefined ? 'watching' : 'waiting',
  isSynced: true,
  trouble: '',
  objects: 0,
  lists: 0,
  watches: 0,
  concerns: 'server',
  failures: 0,
  heardMs: 0,
  version: 'v1',
  ...more,
})

const away = { trouble: 'away', concerns: 'server' } as const
const forbidden = (name: string) => ({ trouble: `403: ${name}`, concerns: 'rights' }) as const

function scene() {
  const { log, records, logged } = watchedLog()
  const { add } = new KubernetesLog(log, 1)
  const troubles = (): string[] =>
    records
      .map(each => each.msg)
      .filter(each => !/follows the cluster|the cluster has no/.test(each))
      .map(each => each.replace(/after [\d.]+ s/, 'after a while'))
  return { add, logged, troubles }
}

test('a kind that fails after the others has a warning of its own, and a line for its end', async () => {
  const { add, logged, troubles } = scene()
  add(stateOf('TCPRoute', { phase: 'absent' }))
  add(stateOf('Pod', away))
  await logged('away (Pod)')
  add(stateOf('Pod', away))
  add(stateOf('TCPRoute', away))
  add(stateOf('Node', away))
  await logged('away (Node)')
  add(stateOf('Node'))
  add(stateOf('Pod'))
  add(stateOf('TCPRoute', { phase: 'absent' }))
  deepEqual(troubles(), [
    'the Kubernetes API does not answer as it should: away (Pod); what was known stays',
    'the Kubernetes API does not answer as it should: away (Node); what was known stays',
    'the cluster is followed again after a while: Node',
    'the cluster is followed again after a while: Pod, TCPRoute',
  ])
})

test('a Secret without a right to it hides no other', async () => {
  const { add, logged, troubles } = scene()
  add(stateOf('Secret shop/a', forbidden('a')))
  add(stateOf('Secret shop/b', forbidden('b')))
  await logged('403: b')
  add(stateOf('Secret shop/b'))
  add(stateOf('Secret shop/c', forbidden('c')))
  await logged('403: c')
  deepEqual(troubles(), [
    '403: a (Secret shop/a); what was known stays',
    '403: b (Secret shop/b); what was known stays',
    'the cluster is followed again after a while: Secret shop/b',
    '403: c (Secret shop/c); what was known stays',
  ])
})

test('kinds that weir has no right to are one trouble', async () => {
  const { add, logged, troubles } = scene()
  for (const title of ['Pod', 'Node', 'Gateway shop/*']) add(stateOf(title, forbidden('x')))
  await logged('403')
  deepEqual(troubles(), ['403: x (Pod, Node, Gateway shop/*); what was known stays'])
})

test('polled objects: each by itself, also while another one stays forbidden', async () => {
  const { add, logged, troubles } = scene()
  const polled = (...failing: (readonly [title: string, trouble: object])[]): ReflectorState =>
    stateOf('Secret (polled)', {
      trouble: 'some',
      failing: failing.map(([title, trouble]) => ({ ...stateOf(title), ...trouble })),
    })
  const a = ['Secret shop/a', forbidden('a')] as const
  add(polled(a))
  await logged('403: a')
  add(polled(a, ['Secret shop/b', forbidden('b')], ['Secret (polled)', away]))
  await logged('away (Secret (polled))')
  add(polled(a))
  add(stateOf('Secret (polled)', { failing: [] }))
  deepEqual(troubles(), [
    '403: a (Secret shop/a); what was known stays',
    '403: b (Secret shop/b); what was known stays',
    'the Kubernetes API does not answer as it should: away (Secret (polled)); what was known stays',
    'the cluster is followed again after a while: Secret shop/b',
    'the cluster is followed again after a while: Secret (polled)',
    'the cluster is followed again after a while: Secret shop/a',
  ])
})
