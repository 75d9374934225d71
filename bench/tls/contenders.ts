/**
 * weir, HAProxy and nginx that end TLS: each a process with a busy thread and a listener for each
 * kind of certificate. Versions, ciphers and sessions are each proxy's own defaults, from TLS 1.2
 * on.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents, routesText, serverText, settingsText } from '../config/documents.ts'
import { CONTENDERS, type Contender, type Ports, WEIR, WEIR_EPOLL, weirWith } from '../engines/contenders.ts'
import { installed } from '../installed.ts'
import { filesOf, KINDS } from './certificates.ts'

const HAPROXY = 'haproxy'
const NGINX = 'nginx stream'

export const NAMES: readonly string[] = [WEIR, WEIR_EPOLL, HAPROXY, NGINX]

/** @param more  The port of each further kind; the first one's is the process's own. */
export function contenderFor(name: string, more: readonly number[]): Contender {
  const listen = (ports: Ports): number[] => [ports.listen, ...more]
  const written = (ports: Ports, text: typeof nginxText): string => {
    const file = join(ports.folder, `${ports.listen}.conf`)
    writeFileSync(file, text(listen(ports), ports))
    return file
  }
  const missing = CONTENDERS.find(each => each.name === name)?.missing ?? (() => '')
  if (name === HAPROXY)
    return { name, missing, command: ports => [installed(name), '-db', '-f', written(ports, haproxyText)] }
  if (name === NGINX)
    return { name, missing, command: ports => [installed('nginx'), '-c', written(ports, nginxText)] }
  const engine = name === WEIR ? 'uring' : 'epoll'
  return { ...weirWith(name, ports => weirText(engine, listen(ports), ports)), missing }
}

const weirText = (engine: 'uring' | 'epoll', listen: readonly number[], { server, folder }: Ports): string =>
  documents(
    settingsText({ engine }),
    `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
${listen
  .map((port, index) => {
    const { certificate, key } = filesOf(folder, KINDS[index])
    return `    - port: {number: ${port}, name: tls-${port}, protocol: TLS}
      bind: 127.0.0.1
      hosts: ['*']
      tls: {mode: SIMPLE, serverCertificate: ${certificate}, privateKey: ${key}}
`
  })
  .join('')}`,
    routesText({
      name: 'everything',
      gateway: 'edge',
      routes: ['{route: [{destination: {host: server.example}}]}'],
    }),
    serverText('server', server),
  )

/** As bench/peers/haproxy.cfg. */
const haproxyText = (listen: readonly number[], { server, folder }: Ports): string => `global
  nbthread 1
  maxconn 9000
  quiet
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
${listen.map((port, index) => `  bind 127.0.0.1:${port} backlog 4096 ssl crt ${filesOf(folder, KINDS[index]).both}\n`).join('')}  default_backend server
backend server
  server server 127.0.0.1:${server}
`

/** As bench/peers/nginx.conf. Before its version 1.23.4 it has to be told to speak TLS 1.3. */
const nginxText = (
  listen: readonly number[],
  { server, folder }: Ports,
): string => `load_module modules/ngx_stream_module.so;
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 19000; }
stream {
  ssl_protocols TLSv1.2 TLSv1.3;
${listen
  .map((port, index) => {
    const { certificate, key } = filesOf(folder, KINDS[index])
    return `  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    proxy_connect_timeout 5s;
    proxy_timeout 60s;
    proxy_pass 127.0.0.1:${server};
  }
`
  })
  .join('')}}
`
