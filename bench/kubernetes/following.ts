/** A gateway in a process of its own that follows the tests' API server in this one. */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createConnection, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from '../../test/kubernetes/fake/crds.ts'
import type { KubeObject } from '../../test/kubernetes/fake/object.ts'
import { FakeApi } from '../../test/kubernetes/fake/server.ts'
import type { Contender } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

/** An API with these objects, of which the first is given the port of the gateway's listener. */
export async function follow(folder: string, objects: (port: number) => Iterable<KubeObject>) {
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS], bookmarkMs: 60_000 })
  const weir: Contender = {
    name: 'weir --kubernetes',
    missing: () => '',
    command: ({ listen }) => {
      for (const each of objects(listen)) api.put(each)
      const [kubeconfig, settings] = ['kubeconfig', 'settings.yaml'].map(name => join(folder, name))
      writeFileSync(kubeconfig, api.kubeconfig())
      writeFileSync(
        settings,
        'apiVersion: gateway.weir/v1\nkind: Settings\nspec: { workers: 1, mesh: { capture: none } }\n',
      )
      const flags = ['run', '--no-admin', '--kubernetes', '--kubeconfig', kubeconfig, settings]
      return [process.execPath, MAIN, ...flags]
    },
  }
  const running = await Running.start(weir, 0, folder, async port => {
    if ((await answerOf(port)) === '') throw new Error('no answer')
  })
  return { api, running }
}

/** A server that says who it is. */
export async function server(name: string): Promise<{ readonly port: number; readonly server: Server }> {
  const listening = createServer(socket => {
    socket.on('error', () => {})
    socket.end(name)
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  return { port: (listening.address() as AddressInfo).port, server: listening }
}

/** What the server behind a new connection says; '' if there is none. */
export async function answerOf(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = createConnection(port, '127.0.0.1')
  let said = ''
  socket.on('data', data => {
    said += data
  })
  socket.on('error', () => resolve(''))
  socket.on('close', () => resolve(said))
  return promise
}

/** Resolves when new connections come to `name`. */
export async function reaches(port: number, name: string): Promise<void> {
  while ((await answerOf(port)) !== name) await pause(2)
}
