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
import { Resource } from '../resource.ts'
import { Unusable } from '../unusable.ts'
import { Conversion } from './convert.ts'
import { type Decoded, decode, type InputFile, isUnprintable } from './decode.ts'
import { type Draft, expand, isMapping } from './draft.ts'
import { DOCUMENTS_MAX, SYNTAX_ERRORS_MAX } from './limits.ts'
import { Lines } from './lines.ts'
import { readForeignMetadata, readMetadata } from './metadata.ts'
import { type OnMistake, parseDocument } from './parse.ts'
import { Places } from './places.ts'
import { maySecret } from './secret-text.ts'
import { type Span, splitDocuments } from './split.ts'
import { CHART_HINT, isChartPart, isKustomization, templateOffset } from './template.ts'

const API_VERSION = /^(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?v[a-z0-9]+$/
const KUSTOMIZATION = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
const CHART_PART = 'this file is a template of a Helm chart: render it first'
const KIND = /^[A-Za-z][A-Za-z0-9]*$/

/** Whether weir ignores an object, whatever is wrong with it. */
type Ignores = (draft: Draft) => boolean

/** The resources of all files, in reading order; if two have the same name, the first. */
export function readDocuments(
  files: readonly InputFile[],
  findings: Findings,
  unusable: Unusable = new Unusable(),
  ignores: Ignores = () => false,
): Resource[] {
  const resources = new Map<string, Resource>()
  for (const input of files) {
    const decoded = decode(input, findings)
    const lines = new Lines(input.file, decoded?.text ?? '')
    if (!decoded || isTemplate(decoded.text, lines, findings)) {
      unusable.addUnknown(lines.place(0))
      continue
    }
    let documents = 0
    for (const span of splitDocuments(decoded.text)) {
      if (++documents > DOCUMENTS_MAX) {
        const message = `the file has more than ${DOCUMENTS_MAX} documents; the others are not read`
        findings.in('CFG002', lines.place(span.from), message)
        break
      }
      findings.veil(maySecret(decoded.text.slice(span.from, span.to)))
      const before = findings.count('error')
      const drafts = [...readDocument(decoded, span, lines, findings)]
      if (drafts.length === 0 && findings.count('error') > before) unusable.addUnknown(lines.place(span.from))
      for (const draft of drafts) {
        if (ignores(draft)) continue
        const resource = complete(draft, input.file, resources.size, findings)
        if (resource === null) noteUnusable(draft, unusable)
        else if (!keepFirst(resources, resource, findings)) unusable.add(resource)
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

/** Reports that a file is a template, and nothing else about it. */
function isTemplate(text: string, lines: Lines, findings: Findings): boolean {
  for (const { from, to } of splitDocuments(text)) {
    const offset = templateOffset(text.slice(from, to))
    if (offset < 0) continue
    findings.template(lines.place(from + offset))
    return true
  }
  return false
}

/** The objects of one document; none if its text is broken. */
function* readDocument(decoded: Decoded, span: Span, lines: Lines, findings: Findings): Generator<Draft> {
  const { from, to } = span
  if (isUnprintable(decoded, from, to, lines, findings)) return
  const root = parseDocument(decoded.text.slice(from, to), onePerLine(from, lines, findings))
  if (root === null) return
  const places = new Places(lines)
  const value = new Conversion(findings, places, from).convert(root)
  if (value === undefined || value === null) return
  const rootOffset = from + (root.range?.[0] ?? 0)
  const implied = isKustomization(lines.file) ? KUSTOMIZATION : {}
  yield* expand(value, path => places.locate(value, rootOffset, path), findings, implied)
}

/**
 * Reports the first mistake of each line, up to a limit: what follows on a line is mostly its echo.
 */
function onePerLine(from: number, lines: Lines, findings: Findings): OnMistake {
  const reported = new Set<number>()
  return (code, offset, message, hint) => {
    if (reported.size === SYNTAX_ERRORS_MAX) return
    const place = lines.place(from + offset)
    if (!reported.has(place.line)) findings.in(code, place, message, hint)
    reported.add(place.line)
  }
}

/** The resource of `draft`; null if it has no apiVersion, kind or name. */
function complete(draft: Draft, file: string, ordinal: number, findings: Findings): Resource | null {
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
  if (apiVersion === null || kind === null || metadata === null) return null
  const { value, locate } = draft
  return new Resource({ apiVersion, kind, metadata, value, file, ordinal, locate })
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
