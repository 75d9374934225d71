/** The same table as another generation: a copy with other headers. */

import { checksum } from '../format/cold.ts'
import { Header, type PartName } from '../format/layout.ts'
import type { TableBuffers } from '../format/table.ts'

export function renumbered(buffers: TableBuffers, generation: number): TableBuffers {
  const copy = (part: PartName): SharedArrayBuffer => {
    const buffer = buffers[part].slice(0)
    const header = new Uint32Array(buffer, 0, Header.WORDS)
    header[Header.generation] = generation
    header[Header.checksum] = checksum(buffer, part)
    return buffer
  }
  return { routing: copy('routing'), endpoints: copy('endpoints'), clients: copy('clients') }
}
