/**
 * Goal: a private key is seen nowhere: not in the log at any level, not in an answer of the admin
 * listener, not in what a command prints. Method: keys in files and Secrets, good ones and every
 * kind of broken one; every output there is, searched for their lines.
 */

import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { folder, routing } from '../control/scene.ts'
import { Authority } from '../support/authority.ts'
import { fullOnly } from '../support/full.ts'
import { call } from './kit.ts'
import { scene } from './scene.ts'

const authority = new Authority('root')
const pairs = {
  file: authority.issue({ names: ['a.test'] }),
  secret: authority.issue({ names: ['b.test'] }),
  next: authority.issue({ names: ['b.test'] }),
  client: authority.issue({ names: ['spiffe://a/b'], kind: 'rsa' }),
  broken: authority.issue({ names: ['b.test'] }),
}

/** The lines of all keys, as they are and as a Secret has them, and pieces of these. */
const TRACES = Object.values(pairs).flatMap(({ key }) => {
  const lines = key.split('\n').filter(line => line !== '' && !line.startsWith('-----'))
  const encoded = Buffer.from(key).toString('base64')
  const inner = encoded.slice(40, -40).match(/.{24}/g) ?? []
  return [...lines.map(line => line.slice(0, 40)).filter(line => line.length > 12), ...inner]
})

function assertUnseen(text: string, where: string): void {
  for (const trace of TRACES) assert.ok(!text.includes(trace), `${where} has a part of a key`)
}

const secret = (name: string, { cert, key }: { cert: string; key: string }): string =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\nstringData: ${JSON.stringify({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert })}\n`

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function textOf(port: number, backend: number, certs: string): string {
  const server = (number: number, name: string, tls: string): string =>
    `port: {number: ${number}, name: ${name}, protocol: TLS}\n      tls: ${tls}\n      bind`
  const own = `{mode: SIMPLE, serverCertificate: ${certs}/tls.crt, privateKey: ${certs}/tls.key}`
  const text = routing(port, backend).replace(/port: \{number: .*\n {6}bind/, server(port, 'one', own))
  return `${text}---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: other}
spec:
  servers:
    - ${server(port, 'two', '{mode: MUTUAL, credentialName: cert}')}: 127.0.0.2
      hosts: ['b.test']
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend}
spec: {host: backend.example, trafficPolicy: {tls: {mode: MUTUAL, credentialName: client}}}
${secret('client', pairs.client)}`
}

/** Secrets that are wrong in every way that an editor can think of. */
const BROKEN: Readonly<Record<string, string>> = {
  'another key': secret('cert', { ...pairs.secret, key: pairs.broken.key }),
  'a field misspelt': secret('cert', pairs.broken).replace('stringData', 'stringdata'),
  'base64 of no certificate': `---\napiVersion: v1\nkind: Secret\nmetadata: {name: cert}\ndata: {tls.crt: '%', tls.key: ${base64(pairs.broken.key)}}\n`,
  'a key for a certificate': secret('cert', { cert: pairs.broken.key, key: pairs.broken.key }),
  'a key in a label': `---\napiVersion: v1\nkind: Secret\nmetadata: {name: cert, labels: {key: ${JSON.stringify(pairs.broken.key)}}}\ndata: {}\n`,
  'a list for a text': `---\napiVersion: v1\nkind: Secret\nmetadata: {name: cert}\nstringData: {tls.key: [${JSON.stringify(pairs.broken.key)}]}\n`,
  'no YAML behind it': `---\napiVersion: v1\nkind: Secret\nmetadata: {name: cert}\nstringData:\n  tls.key: ${JSON.stringify(pairs.broken.key)}\n  tls.crt: {\n`,
}

test('a key is seen in no output', { skip: fullOnly }, async t => {
  for (const each of Object.values(pairs))
    for (const text of [secret('a', each), base64(each.key)]) assert.throws(() => assertUnseen(text, 'it'))
  const certs = folder(t, { 'tls.crt': pairs.file.cert, 'tls.key': pairs.file.key })
  chmodSync(join(certs, 'tls.key'), 0o644) // a finding about the key itself
  let text = ''
  const served = await scene(t, (port, backend) => {
    text = textOf(port, backend, certs)
    return text + secret('cert', pairs.secret)
  })
  const { get, records, where, root, reload } = served
  const outputs: Record<string, string> = {}
  await call(
    where,
    'PUT /log-level',
    { host: `127.0.0.1:${where.port}`, 'content-type': 'application/json' },
    '{"level":"trace"}',
  )
  const admin = `127.0.0.1:${where.port}`
  const commands = async (name: string, path: string): Promise<void> => {
    for (const words of [
      ['check', path],
      ['check', '--output', 'json', path],
      ['explain', '--gateway', 'other', '--to', '127.0.0.2:1', '--sni', 'b.test', path],
      ['diff', '--admin', admin, path],
      ['diff', '--output', 'json', '--admin', admin, path],
      ['certificates', '--admin', admin],
    ]) {
      const { out, err } = await weir(words)
      outputs[`${name}: weir ${words.join(' ')}`] = out + err
    }
  }
  const everything = async (name: string): Promise<void> => {
    const { body } = await get('/openapi.json')
    const paths = Object.entries(body.paths as Record<string, object>).filter(([, each]) => 'get' in each)
    for (const [path] of [...paths, ['/'], ['/ready'], ['/healthz'], ['/openapi.json']] as [string][])
      outputs[`${name}: GET ${path}`] = JSON.stringify((await get(path)).body)
  }
  await commands('good', root)
  await everything('good')
  assert.match(outputs[`good: weir check ${root}`], /CFG504/)
  for (const [name, broken] of Object.entries(BROKEN)) {
    const path = folder(t, { 'a.yaml': text + broken })
    await commands(name, path)
    served.save(text + broken)
    outputs[`${name}: POST /reload`] = JSON.stringify(await reload())
    outputs[`${name}: GET /reloads`] = JSON.stringify((await get('/reloads')).body)
  }
  served.save(text + secret('cert', pairs.next))
  outputs['renewed: POST /reload'] = JSON.stringify(await reload())
  writeFileSync(join(certs, 'tls.key'), pairs.broken.key)
  await served.logged('not taken, the last good one stays')
  await everything('renewed')
  outputs['the log'] = JSON.stringify(records)
  for (const [name, output] of Object.entries(outputs)) assertUnseen(output, name)
  assert.ok(outputs['the log'].includes('is not the key of'), 'broken pairs were seen')
  assert.ok(Object.keys(outputs).length > 60)
})
