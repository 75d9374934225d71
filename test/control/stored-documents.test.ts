/**
 * Goal: a large configuration is read the same whether this thread parses it, several threads do,
 * or an earlier process has; and what is stored is safe: nothing of a Secret, nothing of another
 * user's, nothing that was damaged.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig, type SourceFile } from '../../src/config/load.ts'
import { LoadMemory } from '../../src/config/load-memory.ts'
import { prepareDocuments } from '../../src/control/compile/prepare-documents.ts'
import { StoredDocuments } from '../../src/control/compile/stored-documents.ts'

const entry = (name: string, more = ''): string =>
  `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec: {hosts: [${name}.com], ports: [{number: 80, name: t}], resolution: STATIC, endpoints: [{address: 127.0.0.1}]}
${more}`
const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hidden-word}\n'
/** Only what YAML makes of it says that it is one. */
const DISGUISED = SECRET.replace('Secret', '"\\x53ecret"').replace('hidden', 'veiled').replace(': s}', ': t}')

const FILES: readonly SourceFile[] = [
  [entry('a'), 'kind: [broken', entry('b', 'unknown: 1'), '# nothing', entry('c')],
  [SECRET, DISGUISED, entry('a')],
  ['{{ template }}', entry('d')],
].map((documents, index) => ({
  file: `${index}.yaml`,
  bytes: new TextEncoder().encode(documents.join('\n---\n')),
}))

function read(memory?: LoadMemory) {
  const {
    defines: _,
    stages: __,
    ...rest
  } = loadConfig(FILES, { names: new Map(), ...(memory && { memory }) })
  return rest
}

function store(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-stored-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const stored = new StoredDocuments(folder, ['config/'])
  const memory = new LoadMemory()
  read(memory)
  stored.write(memory.documents.all)
  return { folder, stored, file: join(folder, readdirSync(folder)[0]) }
}

test('documents that several threads parsed are read as if one had', async () => {
  const memory = new LoadMemory()
  ok(await prepareDocuments(FILES, memory.documents, null, 0))
  deepEqual(read(memory), read())
  equal(memory.documents.parsed, 1) // the broken one; of a template nothing is read
})

test('documents that an earlier process read are read as if this one had', async t => {
  const { stored } = store(t)
  const memory = new LoadMemory()
  const isNew = await prepareDocuments(FILES, memory.documents, stored, 1_000)
  equal(isNew, false)
  deepEqual(read(memory), read())
  equal(memory.documents.parsed, 3) // the broken one, and two Secrets
})

test('what is stored has nothing of a Secret, and is the user’s alone', t => {
  const { file } = store(t)
  const text = readFileSync(file, 'latin1')
  ok(text.includes('a.com'))
  ok(!text.includes('hidden') && !text.includes('veiled'))
  equal(statSync(file).mode & 0o777, 0o600)
})

test('a file that others can read, or that was damaged, does not count', t => {
  const { stored, file } = store(t)
  ok(stored.read().size > 0)
  chmodSync(file, 0o640)
  equal(stored.read().size, 0)
  chmodSync(file, 0o600)
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(file, bytes)
  equal(stored.read().size, 0)
})

test('only the latest files are kept', t => {
  const { folder, file } = store(t)
  utimesSync(file, 1, 1)
  for (let index = 0; index < 8; index++) new StoredDocuments(folder, [String(index)]).write(new Map())
  equal(readdirSync(folder).length, 8)
  ok(!readdirSync(folder).includes(file))
})
