/**
 * Runs inside a network namespace whose loopback also has 10.9.8.7: asks an admin listener from
 * several addresses.
 */

import { connect } from 'node:net'
import { startAdmin } from '../../src/admin/http.ts'
import { call } from '../admin/kit.ts'

const CALLERS = ['127.0.0.1', '127.9.9.9', '::1', '10.9.8.7']
const LINES = ['GET /thing', 'HEAD /thing', 'POST /thing', 'PUT /thing', 'DELETE /nothing', 'POST /ready']

const admin = await startAdmin({
  address: '',
  port: 0,
  readiness: () => ({ ready: true }),
  api: async app => {
    for (const method of ['GET', 'POST', 'PUT'])
      app.route({ method, url: '/thing', handler: async () => ({}) })
  },
})
const found: Record<string, unknown> = {}
for (const caller of CALLERS) {
  const where = { host: caller, port: admin.port, localAddress: caller }
  for (const line of LINES) {
    const { status, body } = await call(where, line, { host: '10.9.8.7' })
    found[`${caller} ${line}`] = [status, body?.code ?? '', body?.hint ?? '']
  }
}
const gone = connect({ host: '10.9.8.7', port: admin.port, localAddress: '10.9.8.7' })
gone.write('POST /thing HTTP/1.1\r\nhost: 10.9.8.7\r\n\r\n')
gone.end() // whose address may not be known any more when it is asked about
let came = ''
for await (const data of gone) came += data
found['gone POST /thing'] = [Number(came.split(' ')[1] ?? 0), '', '']
process.stdout.write(JSON.stringify(found))
await admin.close()
