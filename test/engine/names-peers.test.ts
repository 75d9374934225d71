/**
 * Goal: real TLS clients get through to the server that they name, of two on one port, and its
 * certificate with them. Method: curl, openssl s_client and Chromium through weir, on every engine.
 */

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { promisify } from 'node:util'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { browse, skip as noBrowser } from '../support/chromium.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { namedRule } from '../support/named-rule.ts'
import { freePort } from '../support/sockets.ts'

const run = promisify(execFile)
const missing = [
  ['curl', '--version'],
  ['openssl', 'version'],
].filter(([name, flag]) => spawnSync(name, [flag]).status !== 0)
const skip = missing.length > 0 && `needs ${missing.map(([name]) => name).join(' and ')}`

const NAMES = ['a.test', 'b.test'] as const
const servers: Server[] = []
const folder = mkdtempSync(join(tmpdir(), 'weir-names-'))

/** An HTTPS server with a certificate for `name`, which it answers with. */
async function serve(name: string): Promise<Server> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  await run('openssl', ['req', ...made, '-keyout', key, '-out', cert, ...subject])
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => {
    response.setHeader('connection', 'close')
    response.end(`this is ${name}`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

before(async () => {
  if (!skip) for (const name of NAMES) servers.push(await serve(name))
})
after(() => {
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A plane with both servers behind one port, each by its name. */
async function planeOn(engine: EngineKind, port: number): Promise<TestEngine> {
  const plane = new TestEngine(engine)
  const targets = servers.map(each => ({
    address: '127.0.0.1',
    port: (each.address() as AddressInfo).port,
  }))
  const scopes = NAMES.map((name, route) => ({
    host: '',
    port: 0,
    addresses: [],
    takes: { names: [name], plain: false },
    rules: [namedRule(route, name)],
    defaultRoute: -1,
  }))
  const listener = listenerOn(port, -1, { scopes, reads: 'tls' })
  await plane.adopt(
    planOf(
      [listener],
      targets.map(target => clusterOf([target])),
    ),
  )
  return plane
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: curl and openssl reach the server that they name`, { skip }, async () => {
    const port = await freePort()
    await using plane = await planeOn(engine, port)
    for (const name of NAMES) {
      const ca = join(folder, `${name}.crt`)
      const common = ['--silent', '--show-error', '--max-time', '20', '--cacert', ca]
      const asked = ['--resolve', `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`]
      assert.equal((await run('curl', [...common, ...asked])).stdout, `this is ${name}`)
      const client = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-CAfile', ca]
      const child = run('openssl', [...client, '-verify_return_error'])
      child.child.stdin?.end('Q\n')
      const { stdout } = await child
      assert.match(stdout, new RegExp(`subject=CN\\s*=\\s*${name}`))
      assert.match(stdout, /Verify return code: 0/)
    }
    const nobody = ['--silent', '--max-time', '20', '--resolve', `c.test:${port}:127.0.0.1`]
    await assert.rejects(run('curl', [...nobody, `https://c.test:${port}/`]))
    await plane.closed('no-route')
    await plane.settled()
  })

  // Its hello has GREASE, extensions in random order and a post-quantum key share: about 1.8 kB.
  test(`${engine}: Chromium reaches the server that it names`, {
    skip: skip || noBrowser || fullOnly,
  }, async t => {
    const port = await freePort()
    await using plane = await planeOn(engine, port)
    const browser = await browse(t)
    const context = await browser.newContext({ ignoreHTTPSErrors: true }) // the certificate is its own
    const page = await context.newPage()
    for (const name of NAMES) {
      const response = await page.goto(`https://${name}:${port}/`)
      assert.equal(await response?.text(), `this is ${name}`)
      assert.equal((await response?.securityDetails())?.subjectName, name)
    }
    await context.close()
    await plane.settled()
  })
}
