import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean, suggest } from '../../src/config/findings/suggest.ts'

const FIELDS = ['destinationSubnets', 'port', 'ports', 'sourceLabels', 'gateways', 'sniHosts']

test('the nearest field is suggested', () => {
  const cases: readonly [word: string, nearest: string | null][] = [
    ['destinationsubnets', 'destinationSubnets'],
    ['destination_subnets', 'destinationSubnets'],
    ['destinationSubnet', 'destinationSubnets'],
    ['prot', 'port'],
    ['Ports', 'ports'],
    ['gatway', 'gateways'],
    ['sinHosts', 'sniHosts'],
    ['labels', null],
    ['x', null],
    ['', null],
    ['po', null],
    ['x'.repeat(1_000_000), null],
  ]
  for (const [word, nearest] of cases) assert.equal(suggest(word, FIELDS), nearest, word.slice(0, 50))
})

test('a word is not suggested for itself', () => {
  assert.equal(suggest('port', ['port']), null)
})

test('the hint is a question, or nothing', () => {
  assert.equal(didYouMean('prot', FIELDS), 'did you mean "port"?')
  assert.equal(didYouMean('zebra', FIELDS), undefined)
})
