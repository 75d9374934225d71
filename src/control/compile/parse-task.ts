/**
 * The task of a thread that helps to parse many documents (prepare-documents.ts).
 *
 * It gives what it can read without a finding; the others are parsed again by whoever reports what
 * is wrong with them.
 */

import { Findings } from '../../config/findings/diagnostic.ts'
import { toKeep } from '../../config/text/document-memory.ts'
import { Lines } from '../../config/text/lines.ts'
import { readDocument } from '../../config/text/read-document.ts'
import type { KeptDocument } from '../../config/text/reading.ts'

/** For each text its document, or null after a finding. */
export default function parseTask(texts: readonly string[]): (KeptDocument | null)[] {
  return texts.map(parse)
}

function parse(text: string): KeptDocument | null {
  const findings = new Findings()
  const whole = { from: 0, to: text.length }
  const read = readDocument({ text, lossy: false }, whole, new Lines('', text), findings)
  return findings.found === 0 ? toKeep(read) : null
}
