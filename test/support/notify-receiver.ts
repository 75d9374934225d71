/** The receiving end of sd_notify(3): what a process tells its service manager. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Arena } from '../../src/kernel/arena.ts'
import * as libc from '../../src/kernel/libc.ts'

const AF_UNIX = 1
/** SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK. */
const DATAGRAM = 2 | 0x80000 | 0x800
const MESSAGE_BYTES = 4096
const LOOK_MS = 10

export type NotifyReceiver = {
  /** For NOTIFY_SOCKET. */
  readonly name: string
  /** Every message so far, as its lines. */
  readonly messages: readonly (readonly string[])[]
  /** The first message with this line, among those from `from` on. */
  told(line: string, from?: number): Promise<readonly string[]>
}

/** @param abstract  An abstract name instead of a path. */
export function notifyReceiver(t: TestContext, abstract = false): NotifyReceiver {
  const root = mkdtempSync(join(tmpdir(), 'weir-notify-'))
  const name = abstract ? `@weir-test-${process.pid}-${root.slice(-6)}` : join(root, 'notify')
  const arena = Arena.map(8192) as Arena
  const at = arena.take(128)
  const message = arena.take(MESSAGE_BYTES)
  arena.u16[at / 2] = AF_UNIX
  arena.u8.set(new TextEncoder().encode(name.replace('@', '\0')), at + 2)
  const fd = libc.socket(AF_UNIX, DATAGRAM, 0)
  const bound = libc.bind(fd, arena.pointer(at), 2 + name.length)
  if (bound < 0) throw new Error(`bind: ${bound}`)
  const messages: string[][] = []
  let grown = Promise.withResolvers<void>()
  const looking = setInterval(() => {
    for (let count = read(); count > 0; count = read())
      messages.push(new TextDecoder().decode(arena.u8.slice(message, message + count)).split('\n'))
    grown.resolve()
    grown = Promise.withResolvers()
  }, LOOK_MS)
  const read = () => libc.read(fd, arena.base + message, MESSAGE_BYTES)
  t.after(() => {
    clearInterval(looking)
    libc.close(fd)
    arena.unmap()
    rmSync(root, { recursive: true })
  })
  const told = async (line: string, from = 0) => {
    for (;;) {
      const found = messages.slice(from).find(each => each.includes(line))
      if (found) return found
      await grown.promise
    }
  }
  return { name, messages, told }
}
