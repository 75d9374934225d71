/**
 * What documents were read as, by their content, so that a reload parses only what has changed.
 *
 * A document is kept as text in JSON and rows of numbers (outline.ts): a tenth of what its objects
 * take, quickly read again, and fit for another thread or a file. Only documents without a finding
 * are kept, since findings name lines; the others are parsed each time. What nobody asked for
 * between two calls of `turn` is forgotten.
 *
 * Of a file that stays as it is, the resources are kept, too: what is made of them later is kept by
 * their `written` (plan/plan-memory.ts).
 */

import { hash } from 'node:crypto'
import type { Resource } from '../resource.ts'
import type { Lines } from './lines.ts'
import type { ReadDocument } from './read-document.ts'
import type { KeptDocument, Reading } from './reading.ts'

/** A file whose documents are all kept. */
type KeptFile = {
  readonly bytes: Uint8Array
  readonly lines: Lines
  readonly spans: readonly KeptSpan[]
}

export type KeptSpan = {
  /** Where it begins in the file. */
  readonly from: number
  readonly key: string
  readonly isSecret: boolean
  readonly document: KeptDocument
  readonly reading: Reading
  /** All that it holds, if that is one resource without a finding. */
  resource?: Resource
}

export const keyOf = (text: string): string => hash('sha256', text, 'base64')

/** JSON has all that YAML can say, but writes −0 as 0. */
export const toKeep = ({ value, rows }: ReadDocument): KeptDocument => ({
  json: JSON.stringify(value),
  rows,
  facts: [],
})

export class DocumentMemory {
  /** Documents that were not known, since the last turn. */
  parsed = 0
  #documents = new Map<string, KeptDocument>()
  #earlier: ReadonlyMap<string, KeptDocument> = new Map()
  #files = new Map<string, KeptFile>()
  #earlierFiles: ReadonlyMap<string, KeptFile> = new Map()

  /** Begins a reading: what it does not ask for is forgotten at the next. */
  turn(): void {
    this.parsed = 0
    this.#earlier = this.#documents
    this.#documents = new Map()
    this.#earlierFiles = this.#files
    this.#files = new Map()
  }

  document(key: string): KeptDocument | undefined {
    const kept = this.#documents.get(key) ?? this.#earlier.get(key)
    if (kept) this.#documents.set(key, kept)
    else this.parsed++
    return kept
  }

  /** Keeps a document without a finding. */
  keep(key: string, document: KeptDocument): KeptDocument {
    this.#documents.set(key, document)
    return document
  }

  has(key: string): boolean {
    return this.#documents.has(key) || this.#earlier.has(key)
  }

  /** Whether the file is as it was read last. */
  hasFile(name: string, bytes: Uint8Array): boolean {
    const kept = this.#files.get(name)
    return kept !== undefined && Buffer.compare(kept.bytes, bytes) === 0
  }

  /** What the last reading asked for. */
  get all(): ReadonlyMap<string, KeptDocument> {
    return this.#documents
  }

  /** The file as it was last read, if it has the same bytes. */
  file(name: string, bytes: Uint8Array): KeptFile | undefined {
    const kept = this.#earlierFiles.get(name)
    if (kept === undefined || Buffer.compare(kept.bytes, bytes) !== 0) return undefined
    this.#files.set(name, kept)
    for (const { key, document } of kept.spans) this.#documents.set(key, document)
    return kept
  }

  keepFile(name: string, file: KeptFile): void {
    this.#files.set(name, file)
  }

  /**
   * Ends a load: what was revived for it is let go of, and what only the last one asked for. All
   * that was made of a file that has changed, its rules above all, is kept by nobody else.
   */
  release(): void {
    this.#earlier = new Map()
    this.#earlierFiles = new Map()
    for (const { spans } of this.#files.values()) for (const { reading } of spans) reading.release()
  }
}
