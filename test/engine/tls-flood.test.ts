/**
 * Goal: a client that asks for a new key with every record and reads no answer takes nobody's
 * memory. Method: Python with the machine's own OpenSSL, since Node cannot ask for a key; another
 * client meanwhile.
 */

import assert from 'node:assert/strict'
import { clusterOf, ENGINES, planOf, TestEngine } from '../support/engine.ts'
import { Folder, needs, run } from '../support/programs.ts'
import { echo, freePort, listen } from '../support/sockets.ts'
import { SECRETS, SERVER_NAME, serverOf, tlsListenerOn } from '../support/tls.ts'

const skip = needs('python3')
const UPDATES = 400_000

/** Prints the number of its key updates when its connection breaks, or has made all. */
const FLOOD = `
import ctypes, socket, sys
ssl = ctypes.CDLL('libssl.so.3')
for name in ['TLS_client_method', 'SSL_CTX_new', 'SSL_new']: getattr(ssl, name).restype = ctypes.c_void_p
port, name, most = int(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3])
raw = socket.create_connection(('127.0.0.1', port))
context = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.TLS_client_method())))
session = ctypes.c_void_p(ssl.SSL_new(context))
ssl.SSL_set_fd(session, raw.fileno())
ssl.SSL_ctrl(session, 55, 0, ctypes.c_char_p(name)) # SSL_set_tlsext_host_name
assert ssl.SSL_connect(session) == 1
assert ssl.SSL_write(session, b'hi', 2) == 2
heard = ctypes.create_string_buffer(2)
assert ssl.SSL_read(session, heard, 2) == 2 and heard.raw == b'hi'
made = 0
while made < most and ssl.SSL_key_update(session, 1) == 1 and ssl.SSL_do_handshake(session) == 1: made += 1
print(made)
`
const program = new Folder().file('flood.py', FLOOD)

for (const { engine, test } of ENGINES.filter(each => each.engine !== 'node')) {
  test(`${engine}: a client that asks for keys and reads no answer is cut`, { skip }, async () => {
    await using upstream = await listen(echo)
    await using gateway = new TestEngine(engine)
    const port = await freePort()
    gateway.order({ kind: 'secrets', epoch: 0, secrets: SECRETS })
    await gateway.adopt(planOf([tlsListenerOn(port, serverOf())], [clusterOf([upstream])]))
    const { stdout } = await run('python3', [program, String(port), SERVER_NAME, String(UPDATES)])
    assert.ok(Number(stdout) > 100 && Number(stdout) < UPDATES, `${stdout.trim()} updates`)
    await gateway.closed('client-stalled')
  })
}
