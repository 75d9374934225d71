/**
 * Goal: PostgreSQL's own client gets to the server that it names, of two behind one port, though
 * both ask for TLS in PostgreSQL's words first, and where weir ends the TLS. Method: psql and two
 * PostgreSQL servers, on every engine.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { promisify } from 'node:util'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { namedRule } from '../support/named-rule.ts'
import { freePort } from '../support/sockets.ts'
import { AUTHORITY, materialOf, secretsOf, serverOf } from '../support/tls.ts'

const run = promisify(execFile)

/** Debian's packages keep the server's programs out of PATH. */
const PROGRAMS = globSync('/usr/lib/postgresql/*/bin').at(-1) ?? ''
const hasClient = spawnSync('psql', ['--version']).status === 0
const skip =
  fullOnly || (PROGRAMS === '' || !hasClient ? 'needs PostgreSQL: apt-get install postgresql' : false)

/** It refuses to run as root. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const asNobody = isRoot ? { uid: NOBODY, gid: NOBODY } : {}

const NAMES = ['a.test', 'b.test'] as const
const folder = mkdtempSync(join(tmpdir(), 'weir-postgres-'))
const servers: { readonly child: ChildProcess; readonly port: number }[] = []

/** A server that calls itself `name`, with a certificate for it. */
async function serve(name: (typeof NAMES)[number]): Promise<void> {
  const data = join(folder, name)
  await run(join(PROGRAMS, 'initdb'), ['-D', data, '-U', 'weir', '-A', 'trust', '--no-sync'], {
    cwd: folder,
    ...asNobody,
  })
  const [key, cert] = [join(data, 'server.key'), join(data, 'server.crt')]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  await run('openssl', ['req', ...made, '-keyout', key, '-out', cert, ...subject], asNobody)
  const port = await freePort()
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'ssl=on',
    'fsync=off',
    `cluster_name=${name}`,
  ]
  const options = settings.flatMap(each => ['-c', each])
  const child = spawn(join(PROGRAMS, 'postgres'), ['-D', data, '-p', `${port}`, ...options], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...asNobody,
  })
  servers[NAMES.indexOf(name)] = { child, port }
  let said = ''
  const { promise, resolve } = Promise.withResolvers<void>()
  child.stderr?.on('data', chunk => {
    said += chunk
    if (said.includes('ready to accept connections')) resolve()
  })
  child.on('exit', () => resolve())
  await promise
  assert.match(said, /ready to accept connections/)
}

before(async () => {
  if (skip) return
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  await Promise.all(NAMES.map(serve))
})

after(async () => {
  for (const { child } of servers) {
    child.kill('SIGQUIT') // at once
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

for (const { engine, test } of ENGINES) {
  test(`${engine}: psql reaches the server that it names`, { skip }, async () => {
    await using plane = new TestEngine(engine)
    const port = await freePort()
    const scopes = NAMES.map((name, route) => ({
      host: '',
      port: 0,
      addresses: [],
      takes: { names: [name], plain: false },
      rules: [namedRule(route, name)],
      defaultRoute: -1,
    }))
    await plane.adopt(
      planOf(
        [listenerOn(port, -1, { scopes, reads: 'postgres' })],
        servers.map(each => clusterOf([{ address: '127.0.0.1', port: each.port }])),
      ),
    )
    const ask = async (name: string, ssl: string) => {
      const common = `hostaddr=127.0.0.1 port=${port} user=weir dbname=postgres connect_timeout=20`
      const query =
        "select current_setting('cluster_name'), ssl, repeat('x', 200000) from pg_stat_ssl where pid = pg_backend_pid()"
      const { stdout } = await run('psql', [`host=${name} ${common} ${ssl}`, '-XAtc', query], {
        maxBuffer: 2 ** 20,
      })
      return stdout.trim().split('|')
    }
    for (const name of NAMES) {
      const ca = join(folder, name, 'server.crt')
      for (const ssl of ['sslmode=require', `sslmode=verify-full sslrootcert=${ca}`]) {
        const [server, encrypted, long] = await ask(name, ssl)
        assert.deepEqual([server, encrypted, long.length], [name, 't', 200_000])
      }
    }
    await assert.rejects(ask('a.test', 'sslmode=disable'))
    await plane.closed('not-tls')
    await assert.rejects(ask('c.test', 'sslmode=require'))
    await plane.closed('no-route')
    await plane.settled()
  })
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: psql asks weir for TLS, and the server behind speaks none`, { skip }, async () => {
    await using plane = new TestEngine(engine)
    const port = await freePort()
    const issued = AUTHORITY.issue({ names: ['a.test'] })
    plane.order({ kind: 'secrets', epoch: 0, secrets: secretsOf(materialOf('server', [issued])) })
    const scope = {
      host: '',
      port: 0,
      addresses: [],
      takes: { names: ['a.test'], plain: false },
      tls: serverOf(),
      rules: [namedRule(0, 'a.test')],
      defaultRoute: -1,
    }
    await plane.adopt(
      planOf(
        [listenerOn(port, -1, { scopes: [scope], reads: 'postgres' })],
        [clusterOf([{ address: '127.0.0.1', port: servers[0].port }])],
      ),
    )
    const ca = join(folder, 'authority.pem')
    writeFileSync(ca, AUTHORITY.cert)
    const where = `host=a.test hostaddr=127.0.0.1 port=${port} user=weir dbname=postgres connect_timeout=20`
    const query = "select ssl, repeat('x', 200000) from pg_stat_ssl where pid = pg_backend_pid()"
    const { stdout } = await run('psql', [`${where} sslmode=verify-full sslrootcert=${ca}`, '-XAtc', query], {
      maxBuffer: 2 ** 20,
    })
    const [encrypted, long] = stdout.trim().split('|')
    assert.deepEqual([encrypted, long.length], ['f', 200_000])
    await plane.settled()
  })
}
