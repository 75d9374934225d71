/** The sections of a part, opened for reading: views on its buffer. */

import { unpack } from 'msgpackr'
import { assert } from '../../base/assert.ts'
import { type CidrTrie, viewTrie } from '../match/cidr-trie.ts'
import { checksum } from './cold.ts'
import { endpointsRefusal } from './endpoints.ts'
import * as L from './layout.ts'

/** Why `buffer` is no such part, or null: refuses foreign, truncated and damaged buffers. */
export function refusal(buffer: SharedArrayBuffer, part: L.PartName): string | null {
  const words = headerWords(part)
  if (buffer.byteLength < words * 4) return `${buffer.byteLength} bytes are too few for a header`
  const header = new Uint32Array(buffer, 0, words)
  if (header[L.Header.magic] !== L.MAGIC) return 'the magic number is wrong'
  if (header[L.Header.version] !== L.VERSION) {
    return `format version ${header[L.Header.version]} is not ${L.VERSION}`
  }
  if (header[L.Header.part] !== L.TablePart[part]) return `it is no ${part} part`
  if (header[L.Header.bytes] !== buffer.byteLength) {
    return `the header says ${header[L.Header.bytes]} bytes, there are ${buffer.byteLength}`
  }
  for (const [index, name] of L.SECTIONS[part].entries()) {
    const [offset, length] = sectionAt(header, index)
    if (offset % 4 !== 0 || offset < words * 4 || offset + length > buffer.byteLength) {
      return `section ${name} reaches outside`
    }
  }
  if (checksum(buffer, part) !== header[L.Header.checksum]) return 'the checksum does not match'
  if (part !== 'endpoints') return null
  const [offset, length] = sectionAt(header, 0)
  return endpointsRefusal(header, new Uint32Array(buffer, offset, length / 4))
}

/** The sections of one part, as views. */
export class Sections<Part extends L.PartName> {
  readonly header: Uint32Array
  readonly #buffer: SharedArrayBuffer
  readonly #names: readonly string[]

  /** @param isOwn  This thread has built the part; any other one is checked first. */
  constructor(buffer: SharedArrayBuffer, part: Part, isOwn = false) {
    const reason = isOwn ? null : refusal(buffer, part)
    assert(reason === null, `not a table: ${reason}`)
    this.#buffer = buffer
    this.#names = L.SECTIONS[part]
    this.header = new Uint32Array(buffer, 0, headerWords(part))
  }

  words(name: L.Section<Part>): Uint32Array {
    const [offset, length] = sectionAt(this.header, this.#names.indexOf(name))
    return new Uint32Array(this.#buffer, offset, length / 4)
  }

  signed(name: L.Section<Part>): Int32Array {
    const { byteOffset, length } = this.words(name)
    return new Int32Array(this.#buffer, byteOffset, length)
  }

  halves(name: L.Section<Part>): Uint16Array {
    const { byteOffset, length } = this.words(name)
    return new Uint16Array(this.#buffer, byteOffset, length * 2)
  }

  bytes(name: L.Section<Part>): Uint8Array {
    const [offset, length] = sectionAt(this.header, this.#names.indexOf(name))
    return new Uint8Array(this.#buffer, offset, length)
  }

  trie(name: L.Section<Part>): CidrTrie {
    const { byteOffset, byteLength } = this.words(name)
    return viewTrie(this.#buffer, byteOffset, byteLength)
  }

  unpacked(part: Part, name: L.Section<Part>): unknown {
    return unpackSection(this.#buffer, part, name)
  }
}

/** A section in msgpack, as plain values. */
export function unpackSection<Part extends L.PartName>(
  buffer: SharedArrayBuffer,
  part: Part,
  name: L.Section<Part>,
): unknown {
  const header = new Uint32Array(buffer, 0, headerWords(part))
  const names: readonly string[] = L.SECTIONS[part]
  const [offset, length] = sectionAt(header, names.indexOf(name))
  return unpack(new Uint8Array(buffer, offset, length).slice()) // msgpackr does not read shared memory
}

const headerWords = (part: L.PartName): number => L.Header.WORDS + 2 * L.SECTIONS[part].length

function sectionAt(header: Uint32Array, index: number): [offset: number, length: number] {
  const at = L.Header.WORDS + 2 * index
  return [header[at], header[at + 1]]
}
