/** What stands at the admin addresses of other gateways of a fleet. */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { call } from './kit.ts'

/** Something at an admin address; its place, and what it was asked for. */
export async function peer(
  t: Pick<TestContext, 'after'>,
  answer: RequestListener,
): Promise<{ place: string; asked: string[] }> {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? ''}`.trim())
    answer(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { place: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Answers as the gateway at this port does. */
export const likeAt =
  (port: number): RequestListener =>
  async (request, response) => {
    const { status, body } = await call({ host: '127.0.0.1', port }, `GET ${request.url}`, {
      host: 'localhost',
    })
    const { instance: _, ...said } = body
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  }

/** As `likeAt`, with another configuration. */
export const behindAt =
  (port: number): RequestListener =>
  (request, response) => {
    if (!request.url?.startsWith('/summary')) return void likeAt(port)(request, response)
    const more = { counters: { open: 0, accepted: 5 }, lastReload: { at: '2026-01-01T00:00:00Z' } }
    const said = {
      version: '1.2.2',
      workers: 1,
      uptimeS: 1,
      generation: 3,
      configuration: 'b'.repeat(12),
      ready: true,
    }
    response.end(JSON.stringify({ ...said, ...more }))
  }
