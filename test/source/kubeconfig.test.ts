/** Who weir is to a cluster: kubeconfig files, the mount of a Pod, tokens, programs. */

import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { bearerOfFile } from '../../src/source/kubernetes/bearer.ts'
import { inClusterIdentity } from '../../src/source/kubernetes/identity.ts'
import { findIdentity } from '../../src/source/kubernetes/kubeconfig.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-kubeconfig-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const CONFIG = `
apiVersion: v1
kind: Config
current-context: here
contexts:
- { name: here, context: { cluster: one, user: robot, namespace: shop } }
- { name: there, context: { cluster: two, user: person } }
- { name: old, context: { cluster: one, user: password } }
- { name: nowhere, context: { cluster: three, user: robot } }
- { name: printed, context: { cluster: one, user: program } }
- { name: plain, context: { cluster: plain, user: robot } }
- { name: told, context: { cluster: told } }
clusters:
- { name: one, cluster: { server: 'https://10.0.0.1:6443/prefix', certificate-authority-data: ${base64('CA')}, tls-server-name: kube } }
- { name: plain, cluster: { server: 'http://127.0.0.1:8001' } }
- { name: told, cluster: { server: 'https://me:secret@two.example' } }
- { name: two, cluster: { server: 'https://two.example', insecure-skip-tls-verify: true } }
users:
- { name: robot, user: { tokenFile: token } }
- { name: person, user: { client-certificate: person.crt, client-key-data: ${base64('KEY')} } }
- { name: password, user: { username: me, password: secret } }
- { name: program, user: { exec: { command: ./login, args: [a, b], env: [{ name: WHO, value: me }], apiVersion: client.authentication.k8s.io/v1 } } }
`
const kubeconfig = file('config', CONFIG)
file('token', 'first\n')
file('person.crt', 'CERT')

const identity = (context?: string) => findIdentity({ variables: {}, kubeconfig, context })

test('the current context: its cluster, namespace, authority and token', async () => {
  const { server, namespace, tls, bearer } = identity()
  equal(server.href, 'https://10.0.0.1:6443/prefix')
  equal(namespace, 'shop')
  deepEqual(tls(), { ca: Buffer.from('CA'), servername: 'kube' })
  equal(await bearer?.token(), 'first')
})

test('another context: a client certificate from a file beside the kubeconfig, and no verification', () => {
  const { namespace, tls, bearer } = identity('there')
  equal(namespace, 'default')
  deepEqual(tls(), { cert: Buffer.from('CERT'), key: Buffer.from('KEY'), rejectUnauthorized: false })
  equal(bearer, null)
})

test('no token is sent in plain text, as kubectl sends none', () => {
  equal(identity('plain').bearer, null)
})

test('of several files in KUBECONFIG the first that has a name wins', () => {
  const other = file('other', 'clusters: [{ name: three, cluster: { server: "http://127.0.0.1:8001" } }]')
  const variables = { KUBECONFIG: `${join(folder, 'missing')}:${kubeconfig}:${other}` }
  equal(findIdentity({ variables, context: 'nowhere' }).server.port, '8001')
})

test('what a kubeconfig lacks, and what weir does not do, is said', () => {
  throws(() => identity('nowhere'), /kubeconfig has no cluster "three"/)
  throws(() => identity('absent'), /kubeconfig has no context "absent"/)
  throws(() => identity('told'), /cluster "told" has a password in its server: use a token/)
  throws(() => identity('old'), /user "password" logs in by username, which weir does not/)
  throws(() => findIdentity({ variables: {}, kubeconfig: join(folder, 'none') }), /is no kubeconfig: ENOENT/)
  const broken = file('broken', 'a: [')
  throws(() => findIdentity({ variables: {}, kubeconfig: broken }), /broken is no kubeconfig/)
})

test('a token file is read again after a refusal', async () => {
  const path = file('rotated', 'old')
  const bearer = bearerOfFile(path)
  equal(await bearer.token(), 'old')
  writeFileSync(path, 'new')
  equal(await bearer.token(), 'old')
  bearer.refused()
  equal(await bearer.token(), 'new')
})

test('a program prints a token, once for all requests until it expires', async () => {
  const status = `{"token":"of '$WHO' '$1'","expirationTimestamp":"2999-01-01T00:00:00Z"}`
  const program = file('login', `#!/bin/sh\necho run >> ${folder}/runs\necho '{"status":${status}}'\n`)
  chmodSync(program, 0o700)
  const { bearer } = identity('printed')
  deepEqual(await Promise.all([bearer?.token(), bearer?.token()]), ['of me a', 'of me a'])
  bearer?.refused()
  equal(await bearer?.token(), 'of me a')
  equal((await import('node:fs')).readFileSync(join(folder, 'runs'), 'utf8'), 'run\nrun\n')
})

test('a program that is not there, or prints something else, is named', async () => {
  rmSync(join(folder, 'login'), { force: true })
  await rejects(async () => identity('printed').bearer?.token(), /there is no program .*login/)
  const program = file('login', '#!/bin/sh\necho hello\n')
  chmodSync(program, 0o700)
  await rejects(async () => identity('printed').bearer?.token(), /printed no ExecCredential/)
})

test('of a program that fails the log has the exit code and the first line, not the arguments', async () => {
  const program = file('login', '#!/bin/sh\necho "the session is over" >&2\nexit 3\n')
  chmodSync(program, 0o700)
  const message = /login gave no credentials: exit code 3: the session is over$/
  await rejects(async () => identity('printed').bearer?.token(), message)
})

test('in a Pod, the mount and two variables say it', async () => {
  for (const [name, text] of [
    ['namespace', 'edge'],
    ['ca.crt', 'CA'],
  ])
    file(name, text)
  const variables = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  const found = inClusterIdentity(variables, folder)
  match(found?.server.href ?? '', /^https:\/\/\[fd00::1\]\/$/)
  equal(found?.namespace, 'edge')
  equal(await found?.bearer?.token(), 'first')
  equal(inClusterIdentity({}, folder), null)
})
