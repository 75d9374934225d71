/**
 * What large configurations were read as, for the next start: a file for each, in a directory that
 * only the user can read and write (cli/compile-cache.js chooses it).
 *
 * A document is found by its key, the digest of its text. The file's name has a digest of the code
 * that read it, so another version of weir, or an edited source, reads everything again. No
 * document with a Secret is stored. weir ignores a file that is damaged or not the user's own, and
 * serves whether or not it can write one.
 */

import { createHash, hash } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { Packr } from 'msgpackr'
import { codeDigest } from '../../base/own-files.ts'
import type { KeptDocument } from '../../config/text/document-memory.ts'
import { maySecret } from '../../config/text/secret-text.ts'

/** Of the files, the latest. */
const FILES_MAX = 8
const OTHERS = 0o077
const ENDING = '.documents'
const DIGEST_BYTES = 32

type Row = readonly [key: string, json: string | null, rows: Uint8Array, facts: KeptDocument['facts']]

const packr = new Packr({ useRecords: false })

export class StoredDocuments {
  readonly #directory: string
  readonly #file: string

  /** @param paths  What the operator named: each has a file of its own. */
  constructor(directory: string, paths: readonly string[]) {
    const name = hash('sha256', JSON.stringify([codeDigest(), process.version, process.cwd(), ...paths]))
    this.#directory = directory
    this.#file = join(directory, `${name}${ENDING}`)
  }

  /** Nothing, if there is no file that counts. */
  read(): ReadonlyMap<string, KeptDocument> {
    try {
      const bytes = readOwn(this.#file)
      const body = bytes.subarray(DIGEST_BYTES)
      if (Buffer.compare(bytes.subarray(0, DIGEST_BYTES), digestOf(body)) !== 0) return new Map()
      return new Map((packr.unpack(body) as readonly Row[]).map(documentOf))
    } catch {
      return new Map()
    }
  }

  write(documents: ReadonlyMap<string, KeptDocument>): void {
    const temporary = `${this.#file}.${process.pid}`
    try {
      const body = packr.pack([...documents].filter(([, each]) => !maySecret(each.json ?? '')).map(rowOf))
      writeFileSync(temporary, Buffer.concat([digestOf(body), body]), { mode: 0o600, flag: 'wx' })
      renameSync(temporary, this.#file)
      this.#prune()
    } catch {
      rmSync(temporary, { force: true })
    }
  }

  #prune(): void {
    const files = readdirSync(this.#directory)
      .filter(name => name.endsWith(ENDING))
      .map(name => join(this.#directory, name))
    const byAge = files.map(file => ({ file, ms: statSync(file).mtimeMs })).sort((a, b) => b.ms - a.ms)
    for (const { file } of byAge.slice(FILES_MAX)) rmSync(file, { force: true })
  }
}

const digestOf = (body: Uint8Array): Buffer => createHash('sha256').update(body).digest()

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

/** The content of a file that only the user can have written. */
function readOwn(file: string): Buffer {
  const fd = openSync(file, 'r')
  try {
    const { uid, mode } = fstatSync(fd)
    if (uid !== process.geteuid?.() || (mode & OTHERS) !== 0) throw new Error('it is not the user’s own')
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}
