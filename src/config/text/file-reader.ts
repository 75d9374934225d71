/**
 * Reads the documents of files one by one, those that are known already from memory
 * (document-memory.ts).
 */

import type { Findings } from '../findings/diagnostic.ts'
import type { ResourceFacts } from '../resource.ts'
import type { Unusable } from '../unusable.ts'
import { type Decoded, decode, type InputFile } from './decode.ts'
import { type DocumentMemory, type KeptSpan, keyOf, toKeep } from './document-memory.ts'
import { type Draft, expand } from './draft.ts'
import { DOCUMENTS_MAX } from './limits.ts'
import { Lines } from './lines.ts'
import { readDocument } from './read-document.ts'
import { Reading } from './reading.ts'
import { maySecret } from './secret-text.ts'
import { type Span, splitDocuments } from './split.ts'
import { isKustomization, templateOffset } from './template.ts'

const KUSTOMIZATION = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }

/** What a document holds, and what is known of each object in it. */
type Contents = {
  readonly reading: Reading
  readonly drafts: readonly Draft[]
  readonly facts: ResourceFacts[]
  /** If it is kept; with a resource, there are no drafts. */
  readonly span: KeptSpan | null
}

export class FileReader {
  readonly #findings: Findings
  readonly #unusable: Unusable
  readonly #memory: DocumentMemory | null

  constructor(findings: Findings, unusable: Unusable, memory: DocumentMemory | null) {
    this.#findings = findings
    this.#unusable = unusable
    this.#memory = memory
    memory?.turn()
  }

  /** The documents of a file, each read when the one before it has been used. */
  *read(input: InputFile): Generator<Contents> {
    const { file, bytes } = input
    const kept = bytes instanceof Error ? undefined : this.#memory?.file(file, bytes)
    if (kept) for (const span of kept.spans) yield this.#revive(span, kept.lines)
    else yield* this.#readAnew(input)
    this.#findings.veil(false)
  }

  *#readAnew(input: InputFile): Generator<Contents> {
    const decoded = decode(input, this.#findings)
    const lines = new Lines(input.file, decoded?.text ?? '')
    if (!decoded || isTemplate(decoded.text, lines, this.#findings)) {
      this.#unusable.addUnknown(lines.place(0))
      return
    }
    const spans: KeptSpan[] = []
    let documents = 0
    for (const span of splitDocuments(decoded.text)) {
      if (++documents > DOCUMENTS_MAX) {
        const message = `the file has more than ${DOCUMENTS_MAX} documents; the others are not read`
        this.#findings.in('CFG002', lines.place(span.from), message)
        return
      }
      const contents = this.#readSpan(decoded, span, lines)
      if (contents.span) spans.push(contents.span)
      yield contents
    }
    if (spans.length === documents && input.bytes instanceof Uint8Array)
      this.#memory?.keepFile(input.file, { bytes: input.bytes, lines, spans })
  }

  #readSpan(decoded: Decoded, span: Span, lines: Lines): Contents {
    const findings = this.#findings
    const { from, to } = span
    const text = decoded.text.slice(from, to)
    const isSecret = maySecret(text)
    const key = this.#memory ? keyOf(text) : ''
    const known = this.#memory?.document(key)
    if (known) {
      const reading = new Reading(lines, from, known, null)
      return this.#revive({ from, key, isSecret, document: known, reading }, lines)
    }
    findings.veil(isSecret)
    const before = { errors: findings.count('error'), found: findings.found }
    const read = readDocument(decoded, span, lines, findings)
    const document = findings.found > before.found ? undefined : this.#memory?.keep(key, toKeep(read))
    const reading = new Reading(lines, from, document ?? null, read)
    const drafts = this.#draftsOf(reading, from, lines, before.errors)
    const kept = document ? { from, key, isSecret, document, reading } : null
    return { reading, drafts, facts: document?.facts ?? [], span: kept }
  }

  #revive(span: KeptSpan, lines: Lines): Contents {
    const { from, isSecret, document, reading, resource } = span
    this.#findings.veil(isSecret)
    const drafts = resource ? [] : this.#draftsOf(reading, from, lines, this.#findings.count('error'))
    return { reading, drafts, facts: document.facts, span }
  }

  /** @param errors  How many there were before the document was read. */
  #draftsOf({ value, locate }: Reading, from: number, lines: Lines, errors: number): readonly Draft[] {
    const implied = isKustomization(lines.file) ? KUSTOMIZATION : {}
    const isEmpty = value === undefined || value === null
    const drafts = isEmpty ? [] : [...expand(value, locate, this.#findings, implied)]
    if (drafts.length === 0 && this.#findings.count('error') > errors)
      this.#unusable.addUnknown(lines.place(from))
    return drafts
  }
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
