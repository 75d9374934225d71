/** The shortest proxy in Node: `socket.pipe()` both ways. `node pipe-proxy.ts LISTEN SERVER` */

import { connect, createServer } from 'node:net'

const [listenPort, serverPort] = process.argv.slice(2).map(Number)

createServer({ noDelay: true, allowHalfOpen: true }, client => {
  const server = connect({ port: serverPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  client.on('error', () => server.destroy())
  server.on('error', () => client.destroy())
  client.on('close', () => server.destroy())
  server.on('close', () => client.destroySoon())
  client.pipe(server).pipe(client)
}).listen({ port: listenPort, host: '127.0.0.1', backlog: 4096 })
