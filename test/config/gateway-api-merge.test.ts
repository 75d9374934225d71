/** What is written of a status, beside what others have written of it. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { mergeStatus } from '../../src/config/gateway-api/status/merge.ts'
import type { ResourceStatus } from '../../src/config/gateway-api/status/statuses.ts'

test('what is written: others’ entries stay, a time changes with its status only', () => {
  const own = (status: string, generation = 1) => ({
    type: 'Accepted',
    status,
    reason: 'Accepted',
    message: '',
    observedGeneration: generation,
  })
  const ref = { name: 'edge' }
  const wanted = (generation: number, ...parents: object[]): ResourceStatus => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'TCPRoute',
    namespace: 'default',
    name: 'r',
    generation,
    status: { parents },
  })
  const mine = (status: string, generation = 1) => ({
    parentRef: ref,
    controllerName: 'gateway.weir/controller',
    conditions: [own(status, generation)],
  })
  const theirs = { parentRef: ref, controllerName: 'example.com/x', conditions: [own('False')] }
  const at = (parents: ReturnType<typeof mine>, time: string) => ({
    ...parents,
    conditions: [{ ...parents.conditions[0], lastTransitionTime: time }],
  })
  const first = mergeStatus({ parents: [theirs] }, wanted(1, mine('True')), 'T1')
  deepEqual(first, { parents: [theirs, at(mine('True'), 'T1')] })
  equal(mergeStatus(first, wanted(1, mine('True')), 'T2'), null, 'nothing to write')
  deepEqual(mergeStatus(first, wanted(2, mine('True', 2)), 'T2'), {
    parents: [theirs, at(mine('True', 2), 'T1')],
  })
  deepEqual(mergeStatus(first, wanted(1, mine('False')), 'T2'), {
    parents: [theirs, at(mine('False'), 'T2')],
  })
  equal(
    mergeStatus({ parents: [at(mine('True', 3), 'T1')] }, wanted(2, mine('False', 2)), 'T2'),
    null,
    'it is newer than what was read',
  )
  deepEqual(
    mergeStatus(first, wanted(1), 'T2'),
    { parents: [theirs] },
    'an entry that is no longer weir’s goes',
  )
  const both = { parents: [at(mine('True'), 'T1'), theirs] }
  equal(mergeStatus(both, wanted(1, mine('True')), 'T2'), null, 'the order is nothing to write about')
  equal(
    mergeStatus(both, wanted(1), 'T2', () => true),
    null,
    'an entry of another weir stays',
  )
  equal(mergeStatus(undefined, wanted(1), 'T1'), null, 'nothing of weir’s, nothing to say')
  const gatewayOf = (conditions: object[]): ResourceStatus => ({
    ...wanted(1),
    kind: 'Gateway',
    status: { conditions },
  })
  const foreign = { type: 'example.com/Known', status: 'True' }
  deepEqual(mergeStatus({ conditions: [own('True'), foreign], extra: 1 }, gatewayOf([own('True')]), 'T'), {
    conditions: [{ ...own('True'), lastTransitionTime: 'T' }, foreign],
    extra: 1,
  })
})
