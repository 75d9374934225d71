/** How a command ends if the gateway does not answer: with one line that gives the reason. */

import { type Env, Exit } from '../env.ts'

/** Why a command has no answer, for people, and its exit code. */
export class NoAnswer extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = Exit.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Nothing answers at the gateway's address. */
export class NoGateway extends NoAnswer {}

export async function answered(body: () => Promise<number>, env: Env): Promise<number> {
  try {
    return await body()
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    env.stderr.write(`error: ${error.message}\n`)
    return error.exitCode
  }
}
