/**
 * A ClientHello as large as today's browsers send it, with a post-quantum key share (RFC 8446
 * §4.1.2; ML-KEM: draft-ietf-tls-ecdhe-mlkem).
 */

const BYTES = 1800
const RECORD_HEAD = 5

/** `bytes` behind their number, in `lengthBytes` bytes. */
function vector(lengthBytes: number, bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length.subarray(4 - lengthBytes), bytes])
}

const extension = (type: number, data: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([type >>> 8, type & 255]), vector(2, data)])

/** In one record. */
export function clientHello(name: string): Buffer {
  const serverName = extension(0, vector(2, Buffer.concat([Buffer.of(0), vector(2, Buffer.from(name))])))
  const head = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32, 9),
    vector(1, Buffer.alloc(32, 7)),
    vector(2, Buffer.of(0x13, 1, 0x13, 2)),
    vector(1, Buffer.of(0)),
  ])
  const used = RECORD_HEAD + 4 + head.length + 2 + 4 + serverName.length
  const keyShare = extension(51, Buffer.alloc(BYTES - used))
  const body = Buffer.concat([head, vector(2, Buffer.concat([keyShare, serverName]))])
  return Buffer.concat([Buffer.of(22, 3, 1), vector(2, Buffer.concat([Buffer.of(1), vector(3, body)]))])
}
