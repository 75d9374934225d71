/** Speaks to an admin listener as it comes: whole bytes over a socket, or a parsed answer. */

import { connect, type NetConnectOpts } from 'node:net'
import { text } from 'node:stream/consumers'

/** The answer to these bytes, until the server closes; '' if it resets. */
export async function raw(where: NetConnectOpts, bytes: string): Promise<string> {
  const socket = connect(where)
  socket.write(bytes)
  return await text(socket).catch(() => '')
}

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: an answer is looked into as it comes
  readonly body: any
}

/** One request with exactly these headers, plus `connection: close`. */
export async function call(
  where: NetConnectOpts,
  line: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<Answer> {
  const fields = Object.entries({
    ...headers,
    connection: 'close',
    ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  })
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return parse(await raw(where, `${line} HTTP/1.1\r\n${head}\r\n${body}`))
}

function parse(bytes: string): Answer {
  const [head, ...rest] = bytes.split('\r\n\r\n')
  const [status, ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.split(': ', 1)[0].toLowerCase(), line.slice(line.indexOf(': ') + 2)]),
  )
  const content = rest.join('\r\n\r\n')
  const isJson = headers['content-type']?.startsWith('application/json') && content !== ''
  return { status: Number(status.split(' ')[1]), headers, body: isJson ? JSON.parse(content) : content }
}
