/** `weir log-level`: shows the log level of a running gateway, or sets it. */

import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'

export async function logLevel(
  client: Client,
  level: string | undefined,
  output: 'text' | 'json',
  env: Env,
): Promise<number> {
  const answer =
    level === undefined
      ? await client.get<{ level: string }>('/log-level')
      : await client.send<{ level: string }>('PUT', '/log-level', { level })
  env.stdout.write(output === 'json' ? `${JSON.stringify(answer)}\n` : `${answer.level}\n`)
  return Exit.ok
}
