/** Conditions of a status (apimachinery, meta/v1), from verdicts. */

import type { Resource } from '../../resource.ts'
import type { Verdict } from '../model.ts'

export type Condition = {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
}

/** A message may be longer than what the API server takes (32768 characters). */
const MESSAGE_MAX = 1024

/** Counts the changes of a spec; 0 in files. */
export function generationOf({ value }: Resource): number {
  const { generation } = Object(value.metadata) as { readonly generation?: unknown }
  return typeof generation === 'number' ? generation : 0
}

/** @param resource  The one whose status has it. */
export const condition = (
  type: string,
  { holds, reason, message }: Verdict,
  resource: Resource,
): Condition => ({
  type,
  status: holds ? 'True' : 'False',
  reason,
  message: message.slice(0, MESSAGE_MAX),
  observedGeneration: generationOf(resource),
})
