/**
 * The first stage: from files to resources that know their places.
 *
 * Pure: the caller has read the files. A broken document affects no other: the other documents of
 * the file, and all other files, are read as if it did not exist. validate/ decides whether a
 * resource is right.
 */

import type { Findings } from '../findings/diagnostic.ts'
import { describe, quote } from '../findings/quote.ts'
import { groupOf, isPassedOver } from '../kinds.ts'
import { Resource, type ResourceFacts, type Written } from '../resource.ts'
import { Unusable } from '../unusable.ts'
import type { InputFile } from './decode.ts'
import type { DocumentMemory } from './document-memory.ts'
import { type Draft, isMapping } from './draft.ts'
import { FileReader } from './file-reader.ts'
import { readForeignMetadata, readMetadata } from './metadata.ts'
import { CHART_HINT, isChartPart } from './template.ts'

const API_VERSION = /^(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?v[a-z0-9]+$/
const CHART_PART = 'this file is a template of a Helm chart: render it first'
const KIND = /^[A-Za-z][A-Za-z0-9]*$/

/** Whether weir ignores an object, whatever is wrong with it. */
type Ignores = (draft: Pick<Draft, 'apiVersion' | 'kind'>) => boolean

/** The resources of all files, in reading order; if two have the same name, the first. */
export function readDocuments(
  files: readonly InputFile[],
  findings: Findings,
  unusable: Unusable = new Unusable(),
  ignores: Ignores = () => false,
  memory: DocumentMemory | null = null,
): Resource[] {
  const resources = new Map<string, Resource>()
  const reader = new FileReader(findings, unusable, memory)
  for (const input of files) {
    for (const { reading, drafts, facts, span } of reader.read(input)) {
      if (span?.resource && !ignores(span.resource)) {
        span.resource = span.resource.at(resources.size)
        if (!keepFirst(resources, span.resource, findings)) unusable.addWhole(span.resource)
      }
      for (const [index, draft] of drafts.entries()) {
        if (ignores(draft)) continue
        facts[index] ??= {}
        const isWhole = draft.value === reading.value
        const written = isWhole ? (reading as Written) : draft
        const { found } = findings
        const resource = complete(
          { draft, written, file: input.file, ordinal: resources.size, facts: facts[index] },
          findings,
          unusable,
        )
        if (span && isWhole && resource && findings.found === found) span.resource = resource
        if (resource === null) noteUnusable(draft, unusable)
        else if (!keepFirst(resources, resource, findings)) unusable.addWhole(resource)
      }
    }
    findings.veil(false)
  }
  return [...resources.values()]
}

/** What is known of an object that is no resource. */
function noteUnusable({ apiVersion, kind, value, locate }: Draft, unusable: Unusable): void {
  if (isAbsent(kind) && isAbsent(apiVersion)) return
  if (typeof kind !== 'string') {
    unusable.addUnknown(locate([]))
    return
  }
  const { name, namespace } = isMapping(value.metadata) ? value.metadata : {}
  const known = {
    name: typeof name === 'string' ? name : '',
    namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default',
  }
  unusable.addPart({ kind, value, ...known }, locate([]))
}

type Drafted = {
  readonly draft: Draft
  readonly written: Written
  readonly file: string
  readonly ordinal: number
  readonly facts: ResourceFacts
}

/** The resource of `draft`; null if it has no apiVersion, kind or name. */
function complete({ draft, ...rest }: Drafted, findings: Findings, unusable: Unusable): Resource | null {
  const { file } = rest
  if (isChartPart(file, draft)) {
    findings.template(draft.locate([]), CHART_PART, CHART_HINT)
    return null
  }
  if (isAbsent(draft.apiVersion) && isAbsent(draft.kind)) {
    findings.at('CFG020', draft, [], 'not a resource: apiVersion and kind are missing')
    return null
  }
  const apiVersion = word(draft, 'CFG021', 'apiVersion', API_VERSION, findings)
  const kind = word(draft, 'CFG022', 'kind', KIND, findings)
  const isForeign = apiVersion !== null && kind !== null && isPassedOver(apiVersion, kind)
  const metadata = isForeign ? readForeignMetadata(draft) : readMetadata(draft, kind ?? '', findings)
  if (apiVersion === null || kind === null) return null
  if (metadata !== null) return new Resource({ apiVersion, kind, metadata, ...rest })
  unusable.unchecked.push(new Resource({ apiVersion, kind, metadata: readForeignMetadata(draft), ...rest }))
  return null
}

const isAbsent = (written: unknown): boolean => written === undefined || written === null || written === ''

function word(
  draft: Draft,
  code: 'CFG021' | 'CFG022',
  field: 'apiVersion' | 'kind',
  pattern: RegExp,
  findings: Findings,
): string | null {
  const written = draft[field] ?? ''
  if (typeof written === 'string' && pattern.test(written)) return written
  const message =
    written === ''
      ? `${field} is missing`
      : `${typeof written === 'string' ? quote(written) : describe(written)} cannot be the ${field}`
  findings.at(code, draft, [field], message)
  return null
}

/**
 * False if another resource of the same name came first. Kubernetes identifies resources by group,
 * kind, namespace and name; the version is only a notation.
 */
function keepFirst(resources: Map<string, Resource>, resource: Resource, findings: Findings): boolean {
  const { apiVersion, kind, metadata, ordinal } = resource
  const isForeign = isPassedOver(apiVersion, kind)
  const key = isForeign
    ? `${ordinal}`
    : [groupOf(apiVersion), kind, metadata.namespace, metadata.name].join(' ')
  const first = resources.get(key)
  if (!first) {
    resources.set(key, resource)
    return true
  }
  const path = ['metadata', 'name']
  const { file, line, column } = first.locate(path)
  const message = `${resource.title} is defined twice; the first is at ${file}:${line}:${column}`
  findings.at('CFG027', resource, path, message, 'rename or remove one; the first is kept')
  return false
}
