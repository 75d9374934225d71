/** Answers `weir explain --live`: asks a running gateway. */

import { formatEndpoint } from '../../address/address.ts'
import type { Explanation } from '../../table/explain/explanation.ts'
import { Exit } from '../env.ts'
import type { Answerer } from '../explain-files.ts'
import { NoAnswer } from './answered.ts'
import type { Client } from './client.ts'

/** A refused question is reported as in a batch. */
export function answererOf(client: Client): Answerer {
  return async (asked, option) => {
    if ('error' in asked) return asked
    const { gateway, source, destination, peer, sni, identity } = asked.question
    const { ip = '', port } = destination
    const labels = source.labels && Object.entries(source.labels).map(pair => pair.join('='))
    const query = {
      gateway: gateway ?? undefined,
      to: formatEndpoint(ip, port),
      from: source.ip,
      peer,
      namespace: source.namespace,
      sni,
      identity,
    }
    try {
      return await client.get<Explanation>('/explain', { ...query, labels: labels?.join(',') })
    } catch (error) {
      if (error instanceof NoAnswer && error.exitCode === Exit.usage)
        return { error: error.message.replace(/\bgateway\b/, option) }
      throw error
    }
  }
}
