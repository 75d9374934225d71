/**
 * Which version of each object of a Kubernetes API is taken.
 *
 * The unit is the object. A wrong one is left out, and its last good version stays in its place
 * until somebody deletes or corrects it; all others are taken. If a file has a resource of the same
 * name, the file's is taken, so an operator can override the cluster.
 */

import { type Diagnostic, Findings, isOfApi } from './findings/diagnostic.ts'
import type { Resource } from './resource.ts'
import { type ApiObject, readApiObject, resourceKey } from './text/read-objects.ts'
import type { Unusable } from './unusable.ts'

/** An object, and the last version of it that was served. */
export type ApiEntry = {
  /** `objectKey` of both. */
  readonly key: string
  readonly object: ApiObject
  readonly lastGood: ApiObject | null
}

/** An object whose newest version is not served. */
export type LeftOut = {
  readonly key: string
  readonly title: string
  /** Whether its last good version serves in its place. */
  readonly isKept: boolean
}

/** Adds everything that is wrong with a resource alone. */
type Validate = (resource: Resource, findings: Findings) => void

export class ApiObjects {
  readonly #entries: readonly ApiEntry[]
  /** Versions that do not fit together with the rest, from earlier attempts. */
  readonly #refused = new Map<ApiObject, readonly Diagnostic[]>()
  #told: Diagnostic[] = []
  /** By title, the version that is taken. */
  #taken = new Map<string, ApiObject>()
  #leftOut: LeftOut[] = []

  /** @param entries  In a stable order: every replica decides alike. */
  constructor(entries: readonly ApiEntry[]) {
    this.#entries = entries
  }

  /** Findings about versions that were left out. */
  get told(): readonly Diagnostic[] {
    return this.#told
  }

  get leftOut(): readonly LeftOut[] {
    return this.#leftOut
  }

  /** The resources that are taken beside `own`, those of the files. */
  resources(
    own: readonly Resource[],
    validate: Validate,
    findings: Findings,
    unusable: Unusable,
  ): readonly Resource[] {
    const inFiles = new Map(own.map(each => [resourceKey(each), each]))
    this.#told = []
    this.#taken = new Map()
    this.#leftOut = []
    return this.#entries.flatMap((entry, index) => {
      const ordinal = own.length + index
      const newest = readApiObject(entry.object, ordinal, findings)
      const file = inFiles.get(entry.key)
      if (file) {
        reportOverride(file, newest, findings)
        return []
      }
      const valid = this.#choose(entry, newest, ordinal, validate, findings)
      if (valid === null && newest) unusable.add(newest)
      return valid ?? []
    })
  }

  /**
   * Refuses the versions that have an error; whether there is any, so that everything has to be
   * read again without them.
   */
  refuse(diagnostics: readonly Diagnostic[]): boolean {
    const wrong = diagnostics.filter(each => isOfApi(each) && each.severity === 'error')
    let isAny = false
    for (const [title, found] of Map.groupBy(wrong, each => each.file)) {
      const version = this.#taken.get(title)
      if (version) this.#refused.set(version, found)
      isAny ||= version !== undefined
    }
    return isAny
  }

  /** The newest version if it is right, else the last good one, else null. */
  #choose(
    { key, object, lastGood }: ApiEntry,
    newest: Resource | null,
    ordinal: number,
    validate: Validate,
    findings: Findings,
  ): Resource | null {
    const title = newest?.title ?? `${object.kind} ${object.metadata.name}`
    const chosen = this.#check(object, newest, validate, findings)
    if (chosen) return chosen
    const other = lastGood === object ? null : lastGood
    const earlier = other && readApiObject(other, ordinal, new Findings())
    const kept = other && this.#check(other, earlier, validate, findings, false)
    this.#leftOut.push({ key, title, isKept: kept !== null })
    return kept
  }

  /** @param isNewest  What is found of an earlier version was told before. */
  #check(
    version: ApiObject,
    resource: Resource | null,
    validate: Validate,
    findings: Findings,
    isNewest = true,
  ): Resource | null {
    const refused = this.#refused.get(version)
    if (refused) this.#told.push(...refused)
    if (refused || resource === null) return null
    const found = new Findings()
    validate(resource, found)
    if (found.count('error') > 0) {
      if (isNewest) this.#told.push(...found.list)
      return null
    }
    if (isNewest) findings.adopt(found)
    else findings.know(found)
    this.#taken.set(resource.title, version)
    return resource
  }
}

function reportOverride(file: Resource, object: Resource | null, findings: Findings): void {
  if (object === null) return
  const message = `${file.title} is also in the cluster; weir uses the one of the files`
  findings.at('CFG018', file, ['metadata', 'name'], message)
}
