/** The log of what a Kubernetes API answers: each kind's troubles once, and when they are over. */

import type { ReflectorState } from '../../source/kubernetes/reflector-state.ts'
import type { Logger } from './log.ts'

export class KubernetesLog {
  readonly #log: Logger
  readonly #told = new Map<string, string>()

  constructor(log: Logger) {
    this.#log = log
  }

  readonly add = ({ title, phase, isSynced, trouble, objects, version }: ReflectorState): void => {
    const before = this.#told.get(title)
    const now = phase === 'absent' ? 'absent' : phase === 'watching' ? '' : trouble === '' ? before : trouble
    if (now === undefined || now === before) return
    this.#told.set(title, now)
    const fields = { kind: title, objects }
    if (phase === 'absent') {
      this.#log.info(fields, `the cluster has no ${title}; weir asks again from time to time`)
    } else if (now === '') {
      const again = before === undefined || before === 'absent' ? '' : ' again'
      this.#log.info(fields, `${title} ${version} follows the cluster${again}: ${objects} there`)
    } else if (isSynced) this.#log.warn({ ...fields, why: now }, `${title}: ${now}; what was known stays`)
    else this.#log.warn({ ...fields, why: now }, `${title}: ${now}; nothing is served before it is known`)
  }
}
