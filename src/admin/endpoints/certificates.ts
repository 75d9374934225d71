/** The certificates in force, those that expire first, and whether a newer one cannot be used. */

import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { answers, list, object, text } from '../schemas.ts'

const certificate = object({
  subject: text(),
  names: list(text(), 'Its subject alternative names.'),
  issuer: text(),
  notBefore: text(),
  notAfter: text(),
  from: text('A file, or a Secret and its key.'),
  uses: list(text(), 'Who serves or trusts it.'),
})

export function addCertificates(app: FastifyInstance, gateway: Gateway): void {
  const schema = {
    tags: ['configuration'],
    summary: 'Certificates in force, those that expire first, and servers that have none.',
    response: answers(
      object({
        certificates: list(certificate),
        stale: list(
          object({ use: text(), why: text() }),
          'Who is served with the last good certificate, since the newer one cannot be used.',
        ),
        closed: list(object({ server: text(), why: text() }), 'Servers that reset their clients.'),
      }),
    ),
  }
  app.get('/certificates', { schema }, async () => ({
    certificates: gateway.credentials.certificates
      .toSorted((left, right) => left.notAfterMs - right.notAfterMs)
      .map(({ notBeforeMs, notAfterMs, ...rest }) => ({
        ...rest,
        notBefore: new Date(notBeforeMs).toISOString(),
        notAfter: new Date(notAfterMs).toISOString(),
      })),
    stale: gateway.credentials.stale,
    closed: gateway.readiness().closed,
  }))
}
