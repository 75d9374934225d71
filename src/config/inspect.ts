/**
 * Reads what a credential names, for the stages that only know its name: given by whoever may read
 * files (source/credentials).
 */

import type { Diagnostic } from './findings/diagnostic.ts'
import type { Credential } from './plan/credentials.ts'
import type { SecretData } from './plan/secrets.ts'

/** What is wrong with a credential. The message has nothing of a key. */
export type Flaw = {
  readonly code: Extract<Diagnostic['code'], 'CFG501' | 'CFG502' | 'CFG503' | 'CFG504' | 'CFG512'>
  readonly message: string
}

export type Inspect = (credential: Credential, secrets: ReadonlyMap<string, SecretData>) => readonly Flaw[]
