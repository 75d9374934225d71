/**
 * The credentials of what is served, from their files to the workers: kept (keeper.ts), given to
 * the workers as they change, renewed and reminded of in time, their files watched.
 */

import type { ReadCredential } from '../../source/credentials/credentials.ts'
import type { TlsSecrets } from '../../tls/material.ts'
import type { Logger } from '../observe/log.ts'
import { Keeper } from './keeper.ts'
import { TICKETS_LOOK_MS } from './ticket-keys.ts'
import { WatchedFiles } from './watched-files.ts'

/** How often the log says what expires soon. */
const REMIND_MS = 24 * 3_600_000

type CredentialsOptions = {
  readonly log: Logger
  /** Called when a file behind a certificate has changed. */
  readonly onChange: () => void
  /** Gives workers what they do not have yet. */
  readonly onSecrets: (secrets: TlsSecrets) => void
}

export class Credentials {
  readonly #options: CredentialsOptions
  /** The certificates in force. */
  readonly keeper: Keeper
  readonly #files: WatchedFiles
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(options: CredentialsOptions) {
    const { log, onChange } = options
    this.#options = options
    this.keeper = new Keeper(log)
    this.#files = new WatchedFiles({
      onChange,
      onError: error => log.warn({ err: error }, 'certificates are not watched as they should be'),
    })
    this.#timers = [
      setInterval(() => this.#give(this.keeper.turnTickets()), TICKETS_LOOK_MS).unref(),
      setInterval(() => this.keeper.remind(), REMIND_MS).unref(),
    ]
  }

  /** From now on these are in force. @returns what workers lack then; null: nothing. */
  take(read: readonly ReadCredential[]): TlsSecrets | null {
    const secrets = this.keeper.take(read)
    this.#watch(read)
    return secrets
  }

  /** The same, and workers get what they lack. */
  rotate(read: readonly ReadCredential[]): void {
    this.#give(this.take(read))
  }

  /** Renews those in force by these of a configuration that is refused; their files are watched. */
  renew(read: readonly ReadCredential[]): void {
    this.#give(this.keeper.renew(read))
    this.#watch(read)
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#files.close()
  }

  #give(secrets: TlsSecrets | null): void {
    if (secrets) this.#options.onSecrets(secrets)
  }

  #watch(read: readonly ReadCredential[]): void {
    this.#files.follow([...new Set([...this.keeper.files, ...read.flatMap(each => each.files)])])
  }
}
