/** Reads the files again, and accepts a change that the guard has refused. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { Problem } from '../problem.ts'
import { answers, finding, integer, list, object, oneOf, orNull, text, textOrNull } from '../schemas.ts'
import { notServing, servingOf } from '../serving.ts'
import { loses } from './configuration.ts'

const OUTCOMES = ['taken', 'unchanged', 'refused', 'guarded', 'emptied', 'failed'] as const

const answer = object({
  outcome: oneOf(OUTCOMES, 'unchanged: weir already serves these files. Otherwise as in /reloads.'),
  generation: integer('The served generation.'),
  checksum: textOrNull('SHA-256 of the files, to be given as `accept`. null: not read.'),
  loses: orNull(loses, 'What connections lose by the change, or would have lost; null: nothing.'),
  note: textOrNull(),
  findings: list(finding),
})

type Asked = { readonly accept?: string; readonly reason?: string }

const REASON_MAX = 500

export function addReload(app: FastifyInstance, gateway: Gateway): void {
  const accept = {
    ...text('The checksum of a guarded change, to accept its losses.'),
    pattern: '^[0-9a-f]{64}$',
  }
  const reason = { ...text('Why, for the history.'), maxLength: REASON_MAX }
  const schema = {
    tags: ['configuration'],
    summary: 'Reads the files again and answers with the outcome.',
    description:
      'Waits for files that are being written. Accepts a guarded change with `accept`, if the files have not changed since.',
    body: object({ accept, reason }, ['accept', 'reason']),
    response: answers(answer),
  }
  // `curl -X POST` sends no body: it only asks to read the files again.
  const preValidation = async (request: FastifyRequest): Promise<void> => {
    request.body ??= {}
  }
  app.post<{ Body: Asked }>('/reload', { schema, preValidation }, async ({ body }) => {
    servingOf(gateway)
    if (gateway.readiness().draining) throw notServing()
    const look = await gateway.reload(body.accept ?? null)
    if (body.accept !== undefined && look.checksum !== null && look.checksum !== body.accept)
      throw new Problem(
        409,
        'other-files',
        `the files are not those of checksum ${body.accept} any more: now it is ${look.checksum}, which is ${look.outcome}`,
        'see the current files: weir reload',
      )
    const { outcome, checksum } = look
    if (body.reason !== undefined && checksum !== null) gateway.history.explain(checksum, body.reason)
    const { generation } = servingOf(gateway)
    const last = gateway.history.reloads[0]
    if (outcome === 'unchanged')
      return { outcome, generation, checksum, loses: null, note: null, findings: [] }
    return { outcome, generation, checksum, loses: last.loses, note: last.note, findings: last.findings }
  })
}
