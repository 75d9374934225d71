/** What a test has to say that is ended by its time: whoever reads the run cannot ask it again. */

import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'

const asked = new Map<Socket, number>()

/** The answer to what was sent to `port`; `unanswered` names those that do not come. */
export function answerFrom<Answer>(port: number, socket: Socket, answer: Promise<Answer>): Promise<Answer> {
  asked.set(socket, port)
  return answer.finally(() => asked.delete(socket))
}

export const unanswered = (): string =>
  [...asked].map(([socket, port]) => `port ${port} did not answer port ${socket.localPort}`).join(', ') ||
  'every question was answered'

/** What ends with a file, for all of its tests, has no signal and no name. */
type Ending = Pick<TestContext, 'after'> & Partial<Pick<TestContext, 'name' | 'signal'>>

/** Prints what `tell` says, if the test's time is over before the test is. */
export function whenStuck(t: Ending, tell: () => string): void {
  t.after(() => {
    if (t.signal?.aborted) process.stderr.write(`${t.name}, as its time was over: ${tell()}\n`)
  })
}
