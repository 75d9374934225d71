/**
 * Text that may hold a key: nothing of it is shown, whatever is wrong with it.
 *
 * A document counts if it says that it is a Secret, or looks like one. It is asked before anything
 * is parsed, so a Secret that is no YAML counts as well.
 */

import { splitDocuments } from './split.ts'

const SECRET = /\bkind["']?\s*:\s*["']?Secret(?:List)?\b|-----BEGIN [A-Z ]*PRIVATE KEY|\btls\.key\b/

export const maySecret = (text: string): boolean => SECRET.test(text)

/** A file's text with empty lines in place of such documents. */
export function withoutSecrets(text: string): string {
  if (!maySecret(text)) return text
  let shown = ''
  let end = 0
  for (const { from, to } of splitDocuments(text)) {
    const document = text.slice(from, to)
    shown += text.slice(end, from) + (maySecret(document) ? document.replaceAll(/[^\n]/g, '') : document)
    end = to
  }
  return shown + text.slice(end)
}
