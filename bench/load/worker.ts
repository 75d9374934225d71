/** The task of a generator thread: the server for its whole life, or one load after another. */

import { load } from './client.ts'
import type { LoadJob, Outcome } from './job.ts'
import { type ServerTask, serve } from './server.ts'
import { loadTls } from './tls-client.ts'

export type Measured = Outcome & { readonly cpu: CpuTime }

/** Of a thread or a process. */
export type CpuTime = { readonly userMs: number; readonly systemMs: number }

export default async function run(task: ServerTask | LoadJob): Promise<Measured | CpuTime> {
  const before = process.threadCpuUsage()
  const outcome = 'kind' in task ? await (task.tls ? loadTls(task, task.tls) : load(task)) : serve(task)
  const { user, system } = process.threadCpuUsage(before)
  const cpu = { userMs: user / 1000, systemMs: system / 1000 }
  return outcome ? { ...outcome, cpu } : cpu
}
