/** Credentials: what is taken of files and Secrets, and what is said of unusable ones. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Credential } from '../../src/config/plan/credentials.ts'
import type { SecretData } from '../../src/config/plan/secrets.ts'
import { type ReadCredential, readCredential } from '../../src/source/credentials/credentials.ts'
import { Authority } from '../support/authority.ts'

const authority = new Authority('root')
const good = authority.issue({ names: ['db.example.com', 'spiffe://cluster.local/ns/shop/sa/db'] })
const other = authority.issue({ names: ['other.test'], kind: 'rsa' })

const folder = mkdtempSync(join(tmpdir(), 'weir-credentials-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  rmSync(path, { force: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const secretOf = (fields: Readonly<Record<string, string | null>>): SecretData =>
  new Map(Object.entries(fields).map(([key, text]) => [key, text === null ? null : Buffer.from(text)]))

const credential = (asked: Partial<Credential>): Credential => ({
  id: 'id',
  pairs: [],
  authorities: null,
  uses: [],
  ...asked,
})

const ofSecret = (fields: Readonly<Record<string, string | null>>, asked: Partial<Credential> = {}) =>
  readCredential(
    credential({ pairs: [{ secret: 'shop/cert' }], ...asked }),
    new Map([['shop/cert', secretOf(fields)]]),
  )

const ofFiles = (certificate: string, privateKey: string, nowMs?: number): ReadCredential =>
  readCredential(credential({ pairs: [{ certificate, privateKey }] }), new Map(), nowMs)

const flawsOf = ({ flaws }: ReadCredential): string[] =>
  flaws.map(({ code, message }) => `${code} ${message.replaceAll(`${folder}/`, '')}`)

/** Its only flaw, which makes it unusable. */
function refusal(read: ReadCredential): string {
  assert.equal(read.material, null)
  const [flaw, ...more] = flawsOf(read)
  assert.deepEqual(more, [])
  return flaw
}

test('a pair of a Secret, with its chain, names and times', () => {
  const read = ofSecret({ 'tls.crt': good.cert + authority.cert, 'tls.key': good.key })
  assert.deepEqual(read.flaws, [])
  assert.equal(String(Buffer.from(read.material?.pairs[0].key ?? [])), good.key)
  const [{ notBeforeMs, notAfterMs, ...info }, ...more] = read.certificates
  assert.deepEqual(more, [])
  assert.deepEqual(info, {
    subject: 'CN=db.example.com',
    issuer: 'CN=root',
    names: ['db.example.com', 'spiffe://cluster.local/ns/shop/sa/db'],
    from: 'Secret shop/cert tls.crt',
  })
  assert.equal(Math.round((notAfterMs - notBeforeMs) / 86_400_000), 366)
})

test('the generic names win, as in istiod, and an OCSP answer is taken along', () => {
  const fields = { 'tls.crt': 'no', 'tls.key': 'no', cert: good.cert, key: good.key, 'tls.ocsp-staple': 'x' }
  const { material } = ofSecret(fields)
  assert.equal(String(Buffer.from(material?.pairs[0].chain ?? [])), good.cert)
  assert.deepEqual([...(material?.pairs[0].ocsp ?? [])], [120])
})

test('what a Secret lacks', () => {
  const missing = readCredential(credential({ pairs: [{ secret: 'shop/none' }] }), new Map())
  assert.equal(refusal(missing), 'CFG501 Secret shop/none is not among the resources')
  assert.equal(
    refusal(ofSecret({ 'ca.crt': authority.cert })),
    'CFG501 Secret shop/cert has neither cert and key nor tls.crt and tls.key',
  )
  assert.equal(
    refusal(ofSecret({ 'tls.crt': good.cert, 'tls.key': '' })),
    'CFG501 Secret shop/cert has nothing in tls.key',
  )
  assert.equal(
    refusal(ofSecret({ 'tls.crt': good.cert, 'tls.key': null })),
    'CFG501 Secret shop/cert has no base64 in tls.key',
  )
})

test('pairs that do not fit, or are none', () => {
  const key = file('key.pem', good.key)
  const cert = file('cert.pem', good.cert)
  assert.deepEqual(flawsOf(ofFiles(cert, key)), [])
  assert.equal(refusal(ofFiles(cert, file('o.pem', other.key))), 'CFG501 o.pem is not the key of cert.pem')
  assert.match(
    refusal(ofFiles(cert, file('o.pem', authority.issue().key))),
    /o\.pem is not the key of cert\.pem/,
  )
  assert.equal(refusal(ofFiles(file('c.pem', 'text'), key)), 'CFG501 c.pem has no certificate in PEM')
  assert.equal(
    refusal(ofFiles(file('c.pem', good.cert.replace(/M/g, 'N')), key)),
    'CFG501 c.pem: certificate 1 cannot be read',
  )
  assert.match(refusal(ofFiles(cert, file('o.pem', good.key.slice(0, 90)))), /^CFG501 o\.pem cannot be used/)
  const encrypted = good.keys.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'p' })
  assert.equal(
    refusal(ofFiles(cert, file('o.pem', String(encrypted)))),
    'CFG501 o.pem is encrypted; weir has no passphrase',
  )
  assert.equal(refusal(ofFiles(cert, file('o.pem', ''))), 'CFG501 o.pem is empty')
  assert.equal(refusal(ofFiles(cert, join(folder, 'none'))), 'CFG501 none cannot be read: ENOENT')
  assert.match(refusal(ofFiles(cert, folder)), /is no file$/)
})

test('expired, too early, and soon', () => {
  const cert = file('cert.pem', good.cert)
  const key = file('key.pem', good.key)
  const [{ notBeforeMs, notAfterMs }] = ofFiles(cert, key).certificates
  const at = (ms: number) => {
    const read = ofFiles(cert, key, ms)
    assert.ok(read.material, 'it is usable all the same')
    return [read.isExpired, ...read.flaws.map(each => each.code)]
  }
  assert.deepEqual(at(notAfterMs), [true, 'CFG502'])
  assert.deepEqual(at(notBeforeMs - 1), [true, 'CFG502'])
  assert.deepEqual(at(notAfterMs - 21 * 86_400_000), [false, 'CFG503'])
  assert.deepEqual(at(notAfterMs - 22 * 86_400_000), [false])
})

test('a key that everybody may read, except where a kubelet mounts it', () => {
  const cert = file('cert.pem', good.cert)
  assert.deepEqual(flawsOf(ofFiles(cert, file('open.pem', good.key, 0o644))), [
    'CFG504 everybody may read open.pem',
  ])
  file('..2026', good.key, 0o644)
  const link = join(folder, 'mounted.pem')
  symlinkSync('..2026', link)
  assert.deepEqual(flawsOf(ofFiles(cert, link)), [])
  unlinkSync(link)
})

test('authorities, with their revocation lists', () => {
  const trust = (text: string, crl: string | null = null) =>
    readCredential(
      credential({
        authorities: { file: file('ca.pem', text), crl: crl === null ? null : file('crl.pem', crl) },
      }),
      new Map(),
    )
  assert.deepEqual(flawsOf(trust(authority.cert, authority.revoke(good))), [])
  assert.equal(refusal(trust('none')), 'CFG501 ca.pem has no certificate in PEM')
  assert.match(refusal(trust(good.cert)), /ca\.pem has a certificate of no authority: CN=db/)
  assert.match(refusal(trust(authority.cert, 'none')), /^CFG501 crl\.pem cannot be used/)
})

test('the authority is in the Secret beside it, else in the Secret itself', () => {
  const asked = credential({
    pairs: [{ secret: 'shop/cert' }],
    authorities: { secret: 'shop/cert', beside: true },
  })
  const pair = { 'tls.crt': good.cert, 'tls.key': good.key }
  const own = secretOf({ ...pair, 'ca.crt': authority.cert, 'ca.crl': authority.revoke() })
  const beside = secretOf({ cacert: new Authority('beside').cert })
  const of = (secrets: ReadonlyMap<string, SecretData>) =>
    readCredential(asked, secrets).certificates.at(-1)?.from
  assert.equal(of(new Map([['shop/cert', own]])), 'Secret shop/cert ca.crt')
  const both = new Map([
    ['shop/cert', own],
    ['shop/cert-cacert', beside],
  ])
  assert.equal(of(both), 'Secret shop/cert-cacert cacert')
  assert.match(
    refusal(readCredential(asked, new Map([['shop/cert', secretOf(pair)]]))),
    /has no authority: neither cacert nor ca\.crt/,
  )
})

test('equal bytes have equal digests, and no digest is that of the bytes alone', () => {
  const digestOf = (key: string, cert = good.cert) =>
    ofSecret({ 'tls.crt': cert, 'tls.key': key }).material?.digest
  assert.equal(digestOf(good.key), digestOf(good.key))
  assert.notEqual(digestOf(good.key), digestOf(`${good.key}\n`))
})

test('no flaw tells anything of a key', () => {
  const key = good.key.split('\n')[1]
  for (const text of [good.key.slice(0, -80), key, `${good.key.slice(0, 60)}!${good.key.slice(61)}`]) {
    const read = ofSecret({ 'tls.crt': text, 'tls.key': text })
    const told = JSON.stringify([read.flaws, read.certificates])
    for (let from = 0; from + 8 < key.length; from++)
      assert.ok(!told.includes(key.slice(from, from + 8)), told)
  }
})

test('a list that is out of date, or none', () => {
  const trust = (crl: string) =>
    readCredential(
      credential({ authorities: { file: file('ca.pem', authority.cert), crl: file('crl.pem', crl) } }),
      new Map(),
    )
  const flawsWith = (crl: string): string[] =>
    flawsOf(trust(crl)).map(each => each.replace(/\d{4}-[^ ]*Z/, 'T'))
  assert.deepEqual(flawsWith(authority.revoke(good)), [])
  const stale = authority.list([good], -1)
  const since = 'was due for renewal at T: since then every certificate of its authority is refused'
  assert.deepEqual(flawsWith(stale), [`CFG512 crl.pem ${since}`])
  assert.deepEqual(flawsWith(authority.revoke(good) + stale), [`CFG512 crl.pem ${since}`])
  assert.ok(trust(stale).material, 'it refuses clients, not the server')
  assert.match(refusal(trust('text')), /^CFG501 crl\.pem cannot be used/)
})
