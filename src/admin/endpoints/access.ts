/** Who the caller is, and what it may do: the page asks whether to offer changes. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Granted } from '../authority.ts'
import { answers, boolean, object, oneOf, text } from '../schemas.ts'

export function addAccess(app: FastifyInstance, grantedTo: (request: FastifyRequest) => Granted): void {
  const schema = {
    tags: ['about'],
    summary: 'Who the caller is, and what it may do.',
    response: answers(
      object({
        who: text('A token by its file, a user of the UNIX socket, or an address.'),
        role: oneOf(['read', 'change']),
        byToken: boolean('Whether a token says so.'),
      }),
    ),
  }
  app.get('/access', { schema }, async request => grantedTo(request))
}
