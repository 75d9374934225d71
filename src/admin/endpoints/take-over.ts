/** Lets another process take over: `weir run --take-over` asks here first. */

import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { Problem } from '../problem.ts'
import { answers, integer, object, text, whole } from '../schemas.ts'

const HINTS = {
  'take-over-protocol': 'stop the running gateway, and start the new one without --take-over',
  'take-over-impossible': 'stop the running gateway, and start the new one without --take-over',
  'take-over-under-way': 'wait until it is over: the log of the running gateway says how it went',
} as const

export function addTakeOver(app: FastifyInstance, gateway: Gateway, version: string): void {
  const schema = {
    tags: ['process'],
    summary: 'Lets another process of this machine take over; for weir run --take-over.',
    description:
      'The process has half a minute to connect to the socket, and must be of the same user, or root. The gateway serves on until that process serves.',
    body: object({ protocol: whole(1, 1_000_000, 'The version of what the two processes say.') }),
    response: answers(
      object({
        socket: text('The abstract name of a UNIX socket (SOCK_SEQPACKET).'),
        pid: integer(),
        version: text(),
      }),
    ),
  }
  app.post<{ Body: { protocol: number } }>('/take-over', { schema }, async ({ body }) => {
    const opened = gateway.offer.open(body.protocol)
    if ('socket' in opened) return { ...opened, pid: process.pid, version }
    throw new Problem(409, opened.code, opened.why, HINTS[opened.code])
  })
}
