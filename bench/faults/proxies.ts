/** The two proxies in front of the servers, told the same as far as they can be. */

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kind } from './talks.ts'

export const PROXIES = ['weir', 'HAProxy'] as const
export type ProxyName = (typeof PROXIES)[number]

const ROOT = join(import.meta.dirname, '../..')

/**
 * Both: a check each second, four times as often in doubt, and as long as a server is down
 * (checker.ts: of 10 s); two decide. Connects have 1 s, and three more attempts.
 */
const WEIR_CHECKS: Readonly<Record<Kind, string>> = {
  nginx: 'tcp;send=GET / HTTP/1.0\\r\\n\\r\\n;expect=200',
  redis: 'redis',
  postgres: 'postgres',
}

const weirText = (kind: Kind, port: number, servers: readonly number[]): string => `
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 2, mesh: {capture: none}, admin: null, connectAttempts: 4}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec: {hosts: ['*'], gateways: [edge], tcp: [{route: [{destination: {host: servers.example}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: servers}
spec:
  hosts: [servers.example]
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints:
${servers.map(each => `    - {address: 127.0.0.1, ports: {tcp: ${each}}}\n`).join('')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: servers
  annotations:
    gateway.weir/health-check: '${WEIR_CHECKS[kind]};interval=1s;timeout=1s;rise=2;fall=2;onDown=close'
spec:
  host: servers.example
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {tcp: {connectTimeout: 1s}}}
`

const HAPROXY_CHECKS: Readonly<Record<Kind, string>> = {
  nginx: `option tcp-check
  tcp-check connect
  tcp-check send "GET / HTTP/1.0\\r\\n\\r\\n"
  tcp-check expect string 200`,
  redis: 'option redis-check',
  postgres: 'option pgsql-check user postgres',
}

const haproxyText = (kind: Kind, port: number, servers: readonly number[]): string => `
global
  nbthread 2
  maxconn 9000
  quiet
defaults
  mode tcp
  timeout connect 1s
  timeout check 1s
  timeout client 1h
  timeout server 1h
  retries 3
  option redispatch 1
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend servers
backend servers
  balance roundrobin
  ${HAPROXY_CHECKS[kind]}
  default-server check inter 1s fastinter 250ms downinter 250ms rise 2 fall 2 observe layer4 on-marked-down shutdown-sessions
${servers.map(each => `  server s${each} 127.0.0.1:${each}\n`).join('')}`

export function startProxy(
  proxy: ProxyName,
  kind: Kind,
  port: number,
  servers: readonly number[],
  folder: string,
): ChildProcess {
  const file = join(folder, proxy === 'weir' ? 'weir.yaml' : 'haproxy.cfg')
  writeFileSync(file, (proxy === 'weir' ? weirText : haproxyText)(kind, port, servers))
  const words = proxy === 'weir' ? [join(ROOT, 'bin/weir'), 'run', file] : ['haproxy', '-db', '-f', file]
  return spawn(words[0], words.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
}
