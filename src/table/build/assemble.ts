/**
 * Joins sections to a part of a table: one buffer with its header, complete before another thread
 * sees it.
 */

import { Packr } from 'msgpackr'
import { assert } from '../../base/assert.ts'
import { checksum } from '../format/cold.ts'
import { Header, MAGIC, type PartName, SECTIONS, type Section, TablePart, VERSION } from '../format/layout.ts'

/** Labels are packed as plain maps, even if one is called `toJSON` and another `constructor`. */
const packr = new Packr({ useRecords: false, useToJSON: false })

/** A section in msgpack. */
export const packed = (value: unknown): Uint8Array => packr.pack(value)

/** A section that is written in place: allocating fresh memory costs more than the copy saved. */
type Filled = { readonly byteLength: number; readonly fill: (words: Uint32Array) => void }

export type PartHeader = {
  /** 1 – 2^31−1. */
  readonly generation: number
  readonly revision?: number
  readonly conditions?: number
}

export function assemble<Part extends PartName>(
  part: Part,
  { generation, revision = 0, conditions = 0 }: PartHeader,
  sections: Readonly<Record<Section<Part>, Uint8Array | Uint32Array | Int32Array | Filled>>,
): SharedArrayBuffer {
  const names: readonly Section<Part>[] = SECTIONS[part]
  const lengths = names.map(name => sections[name].byteLength)
  const start = (Header.WORDS + 2 * names.length) * 4
  const bytes = lengths.reduce((end, length) => end + Math.ceil(length / 4) * 4, start)
  const buffer = new SharedArrayBuffer(bytes)
  const header = new Uint32Array(buffer, 0, start / 4)
  let offset = start
  for (const [index, name] of names.entries()) {
    const section = sections[name]
    assert(section !== undefined, `section ${name} was not built`)
    const { byteLength } = section
    if (!ArrayBuffer.isView(section)) section.fill(new Uint32Array(buffer, offset, byteLength / 4))
    else new Uint8Array(buffer, offset).set(new Uint8Array(section.buffer, section.byteOffset, byteLength))
    header.set([offset, byteLength], Header.WORDS + 2 * index)
    offset += Math.ceil(byteLength / 4) * 4
  }
  header[Header.magic] = MAGIC
  header[Header.version] = VERSION
  header[Header.part] = TablePart[part]
  header[Header.generation] = generation
  header[Header.revision] = revision
  header[Header.bytes] = bytes
  header[Header.conditions] = conditions
  header[Header.checksum] = checksum(buffer, part)
  return buffer
}
