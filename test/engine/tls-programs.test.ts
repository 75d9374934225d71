/**
 * Goal: servers of others stand on both sides of weir's TLS, with certificates of both ends checked
 * by both. Method: nginx and HAProxy, each as the client that speaks TLS to weir and as the server
 * that weir speaks TLS to; Redis with its own client.
 *
 *   plain client ─▶ nginx ═TLS═▶ weir ═mutual TLS═▶ nginx
 */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { clusterOf, EVERY_ENGINE, planOf, TestEngine } from '../support/engine.ts'
import { Folder, needs, run, started } from '../support/programs.ts'
import { freePort, open, readAll } from '../support/sockets.ts'
import {
  AUTHORITY,
  CLIENT,
  SECRETS,
  SERVER,
  SERVER_NAME,
  serverOf,
  tlsListenerOn,
  upstreamOf,
} from '../support/tls.ts'

const folder = new Folder()
const CA = folder.file('ca.pem', AUTHORITY.cert)
const CERT = folder.file('server.pem', SERVER.cert)
const KEY = folder.file('server.key', SERVER.key)
const BOTH = folder.file('both.pem', SERVER.cert + SERVER.key)
const CLIENT_CERT = folder.file('client.pem', CLIENT.cert)
const CLIENT_KEY = folder.file('client.key', CLIENT.key)
const CLIENT_BOTH = folder.file('client-both.pem', CLIENT.cert + CLIENT.key)

/** A gateway that asks for clients' certificates, and shows its own to the upstream. */
async function between(gateway: TestEngine, to: number): Promise<number> {
  const port = await freePort()
  const tls = upstreamOf({ material: 'client' })
  gateway.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
  await gateway.adopt(
    planOf(
      [tlsListenerOn(port, serverOf({ clients: 'required' }))],
      [{ ...clusterOf([{ address: '127.0.0.1', port: to }]), tls }],
    ),
  )
  return port
}

/** Once somebody accepts there. */
async function accepts(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise(resolve => {
      socket.on('connect', () => resolve(true))
      socket.on('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await pause(20)
  }
}

async function get(port: number): Promise<string> {
  const client = await open(port)
  client.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  return readAll(client)
}

const nginxText = (entry: number, weir: number, inner: number): string => `
load_module modules/ngx_stream_module.so;
daemon off; master_process off; pid ${folder.path}/nginx.pid; error_log stderr crit;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder.path}/body; proxy_temp_path ${folder.path}/proxy;
  fastcgi_temp_path ${folder.path}/f; uwsgi_temp_path ${folder.path}/u; scgi_temp_path ${folder.path}/s;
  server {
    listen 127.0.0.1:${inner} ssl;
    ssl_certificate ${CERT}; ssl_certificate_key ${KEY};
    ssl_client_certificate ${CA}; ssl_verify_client on;
    location / { return 200 "$ssl_client_s_dn $ssl_server_name"; }
  }
}
stream {
  server {
    listen 127.0.0.1:${entry};
    proxy_pass 127.0.0.1:${weir};
    proxy_ssl on; proxy_ssl_verify on; proxy_ssl_trusted_certificate ${CA};
    proxy_ssl_name ${SERVER_NAME}; proxy_ssl_server_name on; proxy_ssl_session_reuse on;
    proxy_ssl_certificate ${CLIENT_CERT}; proxy_ssl_certificate_key ${CLIENT_KEY};
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
  }
}
`

const haproxyText = (entry: number, weir: number, inner: number): string => `
defaults
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen entry
  mode tcp
  bind 127.0.0.1:${entry}
  server weir 127.0.0.1:${weir} ssl verify required ca-file ${CA} sni str(${SERVER_NAME}) verifyhost ${SERVER_NAME} crt ${CLIENT_BOTH}
frontend inner
  mode http
  bind 127.0.0.1:${inner} ssl crt ${BOTH} ca-file ${CA} verify required
  http-request return status 200 content-type text/plain lf-string "CN=%[ssl_c_s_dn(cn)] %[ssl_fc_sni]"
`

const PROXIES = [
  { name: 'nginx', program: 'nginx', text: nginxText, words: (file: string) => ['-c', file] },
  {
    name: 'HAProxy',
    program: 'haproxy',
    text: haproxyText,
    words: (file: string) => ['-db', '-q', '-f', file],
  },
]

for (const { engine, test } of EVERY_ENGINE) {
  for (const { name, program, text, words } of PROXIES)
    test(`${engine}: ${name} speaks TLS to weir, and weir to ${name}`, { skip: needs(program) }, async () => {
      const [entry, inner] = [await freePort(), await freePort()]
      await using gateway = new TestEngine(engine)
      const port = await between(gateway, inner)
      await using _proxy = started(program, words(folder.file(`${program}.conf`, text(entry, port, inner))))
      await Promise.all([accepts(entry), accepts(inner)])
      const before = gateway.counts.accepted
      for (let round = 0; round < 3; round++)
        assert.match(await get(entry), /200 OK.*CN=web www\.example\.com$/s)
      assert.ok(gateway.counts.accepted >= before + 3)
    })

  test(`${engine}: Redis and its client meet by TLS on both sides of weir`, {
    skip: needs('redis-server', 'redis-cli'),
  }, async () => {
    const to = await freePort()
    const files = ['--tls-cert-file', CERT, '--tls-key-file', KEY, '--tls-ca-cert-file', CA]
    const quiet = ['--save', '', '--appendonly', 'no', '--dir', folder.path, '--bind', '127.0.0.1']
    await using _server = started('redis-server', ['--port', '0', '--tls-port', `${to}`, ...files, ...quiet])
    await accepts(to)
    await using gateway = new TestEngine(engine)
    const port = await between(gateway, to)
    const ask = async (...words: readonly string[]): Promise<string> => {
      const trusted = [
        '--tls',
        '--sni',
        SERVER_NAME,
        '--cacert',
        CA,
        '--cert',
        CLIENT_CERT,
        '--key',
        CLIENT_KEY,
      ]
      const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', `${port}`, ...trusted, ...words], {
        maxBuffer: 2 ** 22,
      })
      return stdout.trim()
    }
    assert.equal(await ask('ping'), 'PONG')
    const long = 'v'.repeat(100_000)
    assert.equal(await ask('set', 'k', long), 'OK')
    assert.equal(await ask('eval', "return string.rep(redis.call('get', 'k'), 10)", '0'), long.repeat(10))
    await assert.rejects(
      run('redis-cli', ['-h', '127.0.0.1', '-p', `${port}`, '--tls', '--cacert', CA, 'ping']),
    )
    await gateway.closed('tls-client-certificate')
  })
}
