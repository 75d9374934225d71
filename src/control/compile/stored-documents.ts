/**
 * What large configurations were read as, for the next start (own-store.ts).
 *
 * A document is found by its key, the digest of its text. No document with a Secret is stored.
 */

import { Packr } from 'msgpackr'
import type { KeptDocument } from '../../config/text/reading.ts'
import { maySecret } from '../../config/text/secret-text.ts'
import { OwnStore } from './own-store.ts'

type Row = readonly [key: string, json: string | null, rows: Uint8Array, facts: KeptDocument['facts']]

const packr = new Packr({ useRecords: false })

export class StoredDocuments {
  readonly #store: OwnStore

  /** @param paths  What the operator named: each has a file of its own. */
  constructor(directory: string, paths: readonly string[]) {
    this.#store = new OwnStore(directory, paths, '.documents')
  }

  /** Nothing, if there is no file that counts. */
  read(): ReadonlyMap<string, KeptDocument> {
    const body = this.#store.read()
    return new Map(body ? (packr.unpack(body) as readonly Row[]).map(documentOf) : [])
  }

  write(documents: ReadonlyMap<string, KeptDocument>): void {
    this.#store.write([
      packr.pack([...documents].filter(([, each]) => !maySecret(each.json ?? '')).map(rowOf)),
    ])
  }
}

const rowOf = ([key, { json, rows, facts }]: readonly [string, KeptDocument]): Row => [
  key,
  json ?? null,
  new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength),
  facts,
]

const documentOf = ([key, json, rows, facts]: Row): [string, KeptDocument] => [
  key,
  { json: json ?? undefined, rows: new Int32Array(Uint8Array.from(rows).buffer), facts: [...facts] },
]
