/** A browser reads a page behind weir's TLS. It prefers ML-KEM, and hides its hello's order. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { browse, skip as withoutChromium } from '../support/chromium.ts'
import { clusterOf, ENGINES, planOf, TestEngine } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { freePort } from '../support/sockets.ts'
import { SECRETS, SERVER_NAME, serverOf, tlsListenerOn } from '../support/tls.ts'

for (const { engine, test } of ENGINES)
  test(`${engine}: Chromium reads a page behind weir's TLS`, {
    skip: withoutChromium || fullOnly,
  }, async t => {
    const server = createServer((_request, response) => response.end('<title>behind weir</title>'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    await using gateway = new TestEngine(engine)
    const port = await freePort()
    gateway.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
    const target = clusterOf([{ address: '127.0.0.1', port: (server.address() as AddressInfo).port }])
    await gateway.adopt(planOf([tlsListenerOn(port, serverOf({ alpn: ['http/1.1'] }))], [target]))
    // The test's authority is none of Chromium's; the other peers check it (tls-programs.test.ts).
    const context = await (await browse(t)).newContext({ ignoreHTTPSErrors: true })
    const page = await context.newPage()
    const response = await page.goto(`https://www.test:${port}/`)
    assert.equal(await page.title(), 'behind weir')
    const details = await response?.securityDetails()
    assert.deepEqual([details?.protocol, details?.subjectName], ['TLS 1.3', SERVER_NAME])
  })
