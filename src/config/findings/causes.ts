/**
 * Causes before consequences: suppresses findings that only follow from another.
 *
 * Two causes lead to a finding for nearly every resource. A resource with an error counts as
 * absent, so every reference to it would be reported as missing (may-define.ts). And files in Git
 * lack the addresses and Pods that a cluster adds (../plan/git-services.ts). Each cross-resource
 * finding passes here first; one finding summarizes the suppressed ones.
 */

import { GitServices } from '../plan/git-services.ts'
import { expandHost } from '../plan/names.ts'
import { Resource } from '../resource.ts'
import type { Unusable } from '../unusable.ts'
import { type Findings, type Held, valueAt } from './diagnostic.ts'
import { mayDefine } from './may-define.ts'

export class Causes {
  readonly #unusable: Unusable
  readonly #services: GitServices
  /** Findings about missing things that an unusable resource may define. */
  #leftOut = 0
  /** VirtualServices with the undefined hosts that they route to. */
  readonly #missing = new Set<string>()

  /** @param resources  The usable resources. */
  constructor(resources: readonly Resource[], unusable: Unusable) {
    this.#unusable = unusable
    this.#services = new GitServices(resources)
  }

  /** Whether a finding is suppressed. */
  readonly holdsBack = (held: Held): boolean => {
    const { resource } = held
    if (!(resource instanceof Resource)) return false
    if (this.#unusable.first && mayDefine(held, resource.metadata.namespace, this.#unusable)) {
      this.#leftOut++
      return true
    }
    return this.#isSaidOfDestination(held, resource) || this.#services.takes(held, resource)
  }

  /**
   * A missing host is reported once for a VirtualService that lists it in `hosts` and routes to it.
   */
  #isSaidOfDestination({ code, path }: Held, resource: Resource): boolean {
    const key = (): string => {
      const { title, value, metadata } = resource // whose value may have to be revived
      return `${title} ${expandHost(String(valueAt(value, path)), metadata.namespace)}`
    }
    if (code === 'IST0101' && path.at(-1) === 'host') this.#missing.add(key())
    return code === 'CFG407' && this.#missing.has(key())
  }

  /** Adds the findings that summarize the suppressed ones. */
  settle(findings: Findings): void {
    this.#services.settle(findings)
    const { first } = this.#unusable
    if (first === null || this.#leftOut === 0) return
    const what = this.#leftOut === 1 ? 'one finding' : `${this.#leftOut} findings`
    const message = `${what} about missing resources omitted: resources with errors may define them`
    findings.in('CFG017', first, message, 'fix the errors, then check again')
  }
}
