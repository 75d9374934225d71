/**
 * What a connection may say to a proxy before anything else, have said for it, and be asked for:
 * weir and HAProxy configured for each, with a listener for each kind in one process.
 *
 * Each kind has a Gateway of its own, so that policies are those of its listener alone. What they
 * deny is nobody's address.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents, routesText, serverText, settingsText } from '../config/documents.ts'
import { type Contender, notInstalled, type Ports, weirWith } from '../engines/contenders.ts'
import { installed } from '../installed.ts'
import { clientHello } from './hello.ts'

export type Kind = {
  readonly name: string
  /** What the client sends before its first request, in one segment with it. */
  readonly opening?: Uint8Array
  /** The opening is a ClientHello that decides, and goes on to the server; else it is a header. */
  readonly isHello?: true
  /** Whether the proxy sends a PROXY header to the server. */
  readonly sends: boolean
  /** Address blocks that may not connect: as many policies, of so many blocks each. */
  readonly denies?: { readonly policies: number; readonly blocks: number }
}

/** Version 2, TCP over IPv4: 192.0.2.7:56324 to 203.0.113.5:443. */
const HEADER = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207cb007105dc0401bb', 'hex')

export const PLAIN = 'plain'

export const KINDS: readonly Kind[] = [
  { name: PLAIN, sends: false },
  { name: 'PROXY header read', opening: HEADER, sends: false },
  { name: 'PROXY header sent', sends: true },
  { name: 'PROXY header read and sent', opening: HEADER, sends: true },
  { name: 'ClientHello read', opening: clientHello('server.example'), isHello: true, sends: false },
  { name: 'one policy of one block', sends: false, denies: { policies: 1, blocks: 1 } },
  { name: 'one policy of 10 000 blocks', sends: false, denies: { policies: 1, blocks: 10_000 } },
  { name: '10 000 policies of one block', sends: false, denies: { policies: 10_000, blocks: 1 } },
]

const blockAt = (index: number): string => `10.${index >> 8}.${index & 255}.0/24`
const blocksFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => blockAt(first + index))

/** @param more  The port of each further kind; the first one's is the process's own. */
export const weirFor = (name: string, engine: 'uring' | 'epoll', more: readonly number[]): Contender =>
  weirWith(name, ports => weirText(engine, [ports.listen, ...more], ports.server))

export const haproxyFor = (more: readonly number[]): Contender => ({
  name: 'haproxy',
  missing: notInstalled('haproxy', 'apt-get install haproxy'),
  command: ports => {
    const file = join(ports.folder, `${ports.listen}.cfg`)
    writeFileSync(file, haproxyText([ports.listen, ...more], ports))
    return [installed('haproxy'), '-db', '-f', file]
  },
})

/** A rule for each listener, by its port. */
function weirText(engine: 'uring' | 'epoll', ports: readonly number[], server: number): string {
  const reading = ports.filter((_, index) => readsHeader(KINDS[index]))
  const settings = settingsText({ engine }).replace(
    'admin: null',
    `admin: null, proxyProtocol: [{ports: [${reading}], from: [127.0.0.0/8], versions: [2]}]`,
  )
  const gateways = ports.map((_, index) => nameOf(index)).join(', ')
  const routes = ports.map(
    (port, index) =>
      `{match: [{port: ${port}}], route: [{destination: {host: ${KINDS[index].sends ? 'told' : 'server'}.example}}]}`,
  )
  return documents(
    ...ports.map(gateway),
    ...KINDS.flatMap(policiesOf),
    settings,
    serverText('server', server),
    serverText('told', server),
    'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: told}\n' +
      'spec: {host: told.example, trafficPolicy: {proxyProtocol: {version: V2}}}\n',
    routesText({ name: 'readings', gateway: gateways, routes }),
    'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: names}\nspec:\n' +
      `  hosts: [server.example]\n  gateways: [${gateways}]\n` +
      '  tls: [{match: [{sniHosts: [server.example]}], route: [{destination: {host: server.example}}]}]\n',
  )
}

const readsHeader = ({ opening, isHello }: Kind): boolean => opening !== undefined && !isHello

const nameOf = (kind: number): string => `kind-${kind}`

const gateway = (port: number, kind: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${nameOf(kind)}}
spec:
  selector: {of: ${nameOf(kind)}}
  servers:
    - ${serverAt(port, KINDS[kind])}
`

const serverAt = (port: number, { isHello }: Kind): string =>
  isHello
    ? `{port: {number: ${port}, name: tls-${port}, protocol: TLS}, tls: {mode: PASSTHROUGH}, bind: 127.0.0.1, hosts: [server.example]}`
    : `{port: {number: ${port}, name: tcp-${port}, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}`

const policiesOf = ({ denies }: Kind, kind: number): string[] =>
  Array.from({ length: denies?.policies ?? 0 }, (_, index) => {
    const blocks = denies?.blocks ?? 0
    return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny-${kind}-${index}}
spec:
  selector: {matchLabels: {of: ${nameOf(kind)}}}
  action: DENY
  rules: [{from: [{source: {ipBlocks: [${blocksFrom(index * blocks, blocks).join(', ')}]}}]}]
`
  })

/** However many policies there are: an ACL is one list. */
function blocksFile({ policies, blocks }: NonNullable<Kind['denies']>, folder: string): string {
  const count = policies * blocks
  const file = join(folder, `blocks-${count}`)
  writeFileSync(file, blocksFrom(0, count).join('\n'))
  return file
}

/** As bench/peers/haproxy.cfg. */
function haproxyText(listen: readonly number[], { server, folder }: Ports): string {
  const sections = listen.map((port, index) => {
    const { isHello, sends, denies } = KINDS[index]
    if (isHello) return haproxyNames(port, server)
    const acl = denies ? `  tcp-request connection reject if { src -f ${blocksFile(denies, folder)} }\n` : ''
    return `listen kind-${index}
  bind 127.0.0.1:${port} backlog 4096${readsHeader(KINDS[index]) ? ' accept-proxy' : ''}
${acl}  server server 127.0.0.1:${server}${sends ? ' send-proxy-v2' : ''}
`
  })
  return `global
  nbthread 1
  maxconn 9000
  quiet
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${sections.join('')}`
}

/** As its documentation has it for content switching by SNI. */
const haproxyNames = (port: number, server: number): string => `frontend names
  bind 127.0.0.1:${port} backlog 4096
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  use_backend named if { req.ssl_sni -i server.example }
backend named
  server server 127.0.0.1:${server}
`
