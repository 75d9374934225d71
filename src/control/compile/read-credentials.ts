/** The credentials of one configuration, as they were read, and whether they are so still. */

import type { Inspect } from '../../config/inspect.ts'
import type { Credential } from '../../config/plan/credentials.ts'
import { type ReadCredential, readCredential } from '../../source/credentials/credentials.ts'
import type { Secrets } from '../../source/credentials/sources.ts'

export class ReadCredentials {
  #asked: readonly (readonly [Credential, Secrets])[] = []
  list: readonly ReadCredential[] = []

  readonly inspect: Inspect = (credential, secrets) => {
    const read = readCredential(credential, secrets)
    this.#asked = [...this.#asked, [credential, secrets]]
    this.list = [...this.list, read]
    return read.flaws
  }

  /** Read anew, if something has changed; null: nothing has. */
  again(): readonly ReadCredential[] | null {
    const before = this.list.map(stateOf).join('\n')
    const list = this.#asked.map(each => readCredential(...each))
    if (list.map(stateOf).join('\n') === before) return null
    this.list = list
    return list
  }
}

const stateOf = ({ id, material, flaws }: ReadCredential): string =>
  JSON.stringify([id, material?.digest ?? null, flaws])
