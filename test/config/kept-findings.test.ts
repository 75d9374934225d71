/**
 * Goal: what lint has told of a VirtualService is told again only where a first load tells it: what
 * is found of another resource of its name, or of another version of it, hides nothing of it.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { mock, test } from 'node:test'
import { type LoadOptions, loadConfig } from '../../src/config/load.ts'
import { LoadMemory } from '../../src/config/load-memory.ts'
import { type ApiObject, objectKey } from '../../src/config/text/read-objects.ts'
import { resource, START } from './partial-plans-documents.ts'

/** A VirtualService of two routes, of whose second the first match is never used. */
const taken = (by: string, more: object = {}): string => {
  const route = [{ destination: { host: 'a.com', port: { number: 80 } } }]
  const match = (...subnets: string[]) => subnets.map(each => ({ destinationSubnets: [each] }))
  const tcp = [
    { match: match(by), route },
    { match: match('10.1.0.0/16', '11.0.0.0/8'), route },
  ]
  return resource('VirtualService', 'default/v', { hosts: ['*'], gateways: ['default/edge'], tcp, ...more })
}

/** Loads files that have such documents; returns where IST0131 is told. */
function places(files: readonly (readonly string[])[], options: Partial<LoadOptions> = {}): string[] {
  const written = files.map((documents, index) => ({
    file: `${index}.yaml`,
    bytes: new TextEncoder().encode(documents.join('---\n')),
  }))
  return loadConfig(written, { names: new Map(), ...options })
    .diagnostics.filter(each => each.code === 'IST0131')
    .map(({ file, message }) => `${file} ${message}`)
}

test('a resource whose name is taken hides no finding of the one that has it', () => {
  const memory = new LoadMemory()
  const files = [[...START, taken('10.0.0.0/8')], [taken('10.1.0.0/16')]]
  for (const count of [2, 1, 2, 1]) {
    const some = files.slice(0, count)
    const told = places(some)
    equal(told.length, count)
    deepEqual(places(some, { memory }), told)
  }
})

test('of a last good version the same is told in each load', () => {
  const memory = new LoadMemory()
  const [good, wrong]: ApiObject[] = [{}, { unknown: 1 }].map(more => JSON.parse(taken('10.1.0.0/16', more)))
  for (const object of [good, wrong, good, wrong, good]) {
    const entry = { key: objectKey(good), object, lastGood: good }
    const told = places([START], { objects: [structuredClone(entry)] })
    equal(told.length, 1)
    deepEqual(places([START], { objects: [entry], memory }), told)
  }
})

test('the first load already keeps the places of what it found', () => {
  const memory = new LoadMemory()
  const documents = [...START, taken('10.0.0.0/8')]
  const told = places([documents], { memory })
  equal(told.length, 1)
  const parse = mock.method(JSON, 'parse')
  try {
    const [second, third] = [2, 3].map(() => {
      const before = parse.mock.callCount()
      deepEqual(places([documents], { memory }), told)
      return parse.mock.callCount() - before
    })
    equal(second, third, 'no document is revived for them')
  } finally {
    parse.mock.restore()
  }
})
