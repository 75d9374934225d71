/**
 * Regular expressions in RE2's syntax, as Istio checks them with Go's regexp.
 *
 * weir refuses what RE2 lacks (look-around, back references, counts above 1000, unknown escapes),
 * translates what only RE2 has, and leaves the rest to JavaScript's parser.
 */

const LENGTH_MAX = 1024
const COUNT_MAX = 1000

const ESCAPES = /^[afnrtvdDsSwWbBAzQECpPx0-7]$/
const LETTER_OR_DIGIT = /[A-Za-z0-9]/

export function regularExpression(text: string): string | null {
  if (text.length > LENGTH_MAX) return `is longer than ${LENGTH_MAX} characters`
  const bad = /\(\?<?[=!]/.test(text)
    ? 'has a look-around, which RE2 does not support'
    : (badEscape(text) ?? badCount(text))
  if (bad !== null) return bad
  try {
    new RegExp(toJavaScript(text))
    return null
  } catch (error) {
    return `is not a regular expression: ${error instanceof Error ? error.message.replace(/^.*: /, '') : error}`
  }
}

function badEscape(text: string): string | null {
  for (const [whole, character] of text.matchAll(/\\(.)/gs)) {
    if (/[1-9]/.test(character)) return 'has a back reference, which RE2 does not support'
    if (LETTER_OR_DIGIT.test(character) && !ESCAPES.test(character)) return `has an unknown escape ${whole}`
  }
  return null
}

function badCount(text: string): string | null {
  const counts = text.matchAll(/\{(\d+)(?:,(\d*))?\}/g)
  const tooMany = counts.some(([, least, most]) => Math.max(Number(least), Number(most ?? 0)) > COUNT_MAX)
  return tooMany ? `repeats more than ${COUNT_MAX} times` : null
}

/**
 * Translates flags, named groups, \A, \z and \Q…\E to JavaScript, closely enough for a check of
 * syntax.
 */
function toJavaScript(text: string): string {
  return text
    .replace(/\\Q.*?(?:\\E|$)/gs, 'x')
    .replace(/\(\?[imsU]*(?:-[imsU]+)?\)/g, '')
    .replace(/\(\?[imsU]*(?:-[imsU]+)?:/g, '(?:')
    .replaceAll('(?P<', '(?<')
    .replace(/\\[Az]/g, '')
}
