/** Sets the log level, until the process ends. */

import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { answers, object, oneOf } from '../schemas.ts'

/** pino's levels, the most verbose first. */
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export function addLogLevel(app: FastifyInstance, { log }: Gateway): void {
  const tags = ['log']
  const level = object({ level: oneOf(LOG_LEVELS) })
  app.get(
    '/log-level',
    { schema: { tags, summary: 'The log level.', response: answers(level) } },
    async () => ({
      level: log.level,
    }),
  )
  const schema = { tags, summary: 'Sets the log level.', body: level, response: answers(level) }
  app.put<{ Body: { level: string } }>('/log-level', { schema }, async ({ body }) => {
    log.warn({ level: body.level }, `the log says ${body.level} and worse from here on`)
    log.level = body.level
    return { level: log.level }
  })
}
