/** Shared parts of tests of the control side: folders, ports, a log to wait on, and a client. */

import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { createLog, type Logger } from '../../src/control/observe/log.ts'
import { freePort } from '../support/sockets.ts'
import { answerFrom } from '../support/stuck.ts'

/** A fresh folder with these files, gone after the test. */
export function folder(t: Pick<TestContext, 'after'>, files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'weir-test-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

/**
 * Lets a file, or a folder whose files have changed, look as if written a minute ago. A reload
 * takes it at once, where it would wait a second for fresh text that lacks something that was there
 * (control/reloads.ts).
 */
export function age(path: string): void {
  const agoS = Date.now() / 1000 - 60
  utimesSync(path, agoS, agoS)
}

/** Puts a complete file in place that looks as if written a minute ago. */
export function moveIn(root: string, name: string, text: string): void {
  const aside = join(root, '.new')
  writeFileSync(aside, text)
  age(aside)
  renameSync(aside, join(root, name))
  age(root)
}

/** Removes a file, a minute ago as it were. */
export function moveOut(root: string, name: string): void {
  rmSync(join(root, name))
  age(root)
}

/** A server on `address` that answers "<reply> <what came>". */
export async function echo(t: Pick<TestContext, 'after'>, reply: string): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.on('data', data => socket.write(`${reply} ${data}`))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** The other side's answer to "test", sent behind `header`; '' if it closes without one. */
export function ask(port: number, host = '127.0.0.1', localAddress?: string, header = ''): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) }, () =>
    socket.write(`${header}test\n`),
  )
  socket.on('data', data => {
    resolve(String(data).trim())
    socket.destroy()
  })
  socket.on('error', () => resolve(''))
  socket.on('close', () => resolve(''))
  return answerFrom(port, socket, promise)
}

export type LogRecord = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: string }

/** A log whose records can be looked at and waited for. */
export function watchedLog(): {
  log: Logger
  records: LogRecord[]
  logged: (text: string, from?: number) => Promise<LogRecord>
} {
  const records: LogRecord[] = []
  let grown = Promise.withResolvers<void>()
  const log = createLog(
    line => {
      records.push(JSON.parse(line) as LogRecord)
      grown.resolve()
      grown = Promise.withResolvers()
    },
    { format: 'json', colours: false },
  )
  const logged = async (text: string, from = 0): Promise<LogRecord> => {
    for (;;) {
      const found = records.slice(from).find(each => each.msg.includes(text))
      if (found) return found
      await grown.promise
    }
  }
  return { log, records, logged }
}

/** A Gateway on `port` whose VirtualService sends everything to `backend`. */
export const routing = (port: number, backend: number): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - port: {number: ${port}, name: tcp, protocol: TCP}
      bind: 127.0.0.1
      hosts: ['*']
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
    - route:
        - destination: {host: backend.example}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: backend}
spec:
  hosts: [backend.example]
  ports: [{number: 9000, name: tcp, protocol: TCP, targetPort: ${backend}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {workers: 1, mesh: {capture: none}, admin: null}
`

export type Talk = (socket: Socket) => void

/**
 * A server, and how it is ended with its connections and begun again at the same port: one that
 * nobody else gets meanwhile.
 */
export async function serving(t: Pick<TestContext, 'after'>, talk: Talk, at?: number) {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  const port = at ?? (await freePort())
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const end = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.after(end)
  return { port, end }
}
