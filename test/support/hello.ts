/** ClientHellos by hand (RFC 8446 §4.1.2), in records as they are asked for. */

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Its bytes behind their number, in `lengthBytes` bytes. */
export function vector(lengthBytes: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length.subarray(4 - lengthBytes), body])
}

export const extension = (type: number, ...data: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from([type >>> 8, type & 255]), vector(2, ...data)])

export const host = (name: string | Buffer): Buffer =>
  Buffer.concat([hex('00'), vector(2, Buffer.from(name))])
export const serverName = (...entries: readonly Buffer[]): Buffer => extension(0, vector(2, ...entries))
export const alpn = (...names: readonly string[]): Buffer =>
  extension(16, vector(2, ...names.map(name => vector(1, Buffer.from(name, 'latin1')))))

const CIPHERS = hex('8a8a 1301 1302')

type Parts = { session?: Buffer; ciphers?: Buffer; compressions?: Buffer; tail?: Buffer }

/** The message; without `extensions` one of a client that knows none. */
export function hello(extensions: readonly Buffer[] | null, parts: Parts = {}): Buffer {
  const { session = Buffer.alloc(32, 7), ciphers = CIPHERS, compressions = hex('00') } = parts
  const body = [
    hex('0303'),
    Buffer.alloc(32, 9),
    vector(1, session),
    vector(2, ciphers),
    vector(1, compressions),
  ]
  if (extensions) body.push(vector(2, ...extensions))
  return Buffer.concat([hex('01'), vector(3, ...body, parts.tail ?? Buffer.alloc(0))])
}

export const record = (body: Uint8Array, type = 22): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 1]), vector(2, body)])

/** In records of `size` bytes. */
export function records(message: Buffer, size: number): Buffer {
  const all: Buffer[] = []
  for (let at = 0; at < message.length; at += size) all.push(record(message.subarray(at, at + size)))
  return Buffer.concat(all)
}
