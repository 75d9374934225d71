/** The metrics, for Prometheus. */

import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../metrics/registry.ts'

export function addMetrics(app: FastifyInstance, metrics: Metrics): void {
  const schema = {
    tags: ['metrics'],
    summary: 'All metrics, in Prometheus’ text format.',
    produces: ['text/plain'],
    response: { 200: { description: 'Metrics.', type: 'string' } },
  }
  app.get('/metrics', { schema, serializerCompiler: () => String }, async (_request, reply) => {
    const text = await metrics.text()
    return reply.type(metrics.contentType).send(text)
  })
}
