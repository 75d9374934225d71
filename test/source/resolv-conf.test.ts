import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResolvConf } from '../../src/source/names/resolv-conf.ts'
import { wholeNames } from '../../src/source/names/search.ts'

const parsed = (text: string, more: object = {}) => parseResolvConf(text, { hostname: 'node', ...more })

const DEFAULTS = {
  servers: ['127.0.0.1'],
  search: [],
  ndots: 1,
  timeoutMs: 5_000,
  attempts: 2,
  rotate: false,
  noAaaa: false,
}

test('an absent file means glibc’s defaults', () => {
  assert.deepEqual(parsed(''), DEFAULTS)
  assert.deepEqual(parsed('', { hostname: 'node.example.com' }).search, ['example.com'])
})

test('the last search or domain counts, and options add up', () => {
  const text = `
# nameserver 10.0.0.9
;nameserver 10.0.0.8
nameserver 10.0.0.1
nameserver\tfe80::1%eth0
nameserver not-an-address
 nameserver 10.0.0.7
nameserver [10.0.0.2]:5353
nameserver 10.0.0.4
search a.test b.test
domain Example.COM. ignored
options ndots:5 timeout:2
options attempts:3 rotate no-aaaa edns0 timeout:x
`
  assert.deepEqual(parsed(text), {
    servers: ['10.0.0.1', 'fe80::1%eth0', '[10.0.0.2]:5353'],
    search: ['example.com'],
    ndots: 5,
    timeoutMs: 2_000,
    attempts: 3,
    rotate: true,
    noAaaa: true,
  })
})

test('values beyond glibc’s limits are those limits', () => {
  const { ndots, timeoutMs, attempts } = parsed('options ndots:99 timeout:99 attempts:99')
  assert.deepEqual([ndots, timeoutMs, attempts], [15, 30_000, 5])
  const least = parsed('options ndots:0 timeout:0 attempts:0')
  assert.deepEqual([least.ndots, least.timeoutMs, least.attempts], [0, 1_000, 1])
})

test('the environment replaces the search list and adds options', () => {
  const environment = { LOCALDOMAIN: 'x.test y.test', RES_OPTIONS: 'ndots:3' }
  const { search, ndots } = parsed('search a.test\noptions ndots:2', environment)
  assert.deepEqual([search, ndots], [['x.test', 'y.test'], 3])
})

test('names that would be too long are not asked for', () => {
  const conf = parsed(`search ${'long-domain.'.repeat(20)}test short.test`)
  assert.deepEqual(wholeNames('db.example', conf), ['db.example', 'db.example.short.test'])
})
