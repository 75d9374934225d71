/**
 * Makes text from outside safe to print: control characters and characters that change the order of
 * the text on a terminal (CVE-2021-42574) become \uXXXX.
 */

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

export const printable = (text: string): string =>
  text.replace(HIDDEN, found => `\\u${found.codePointAt(0)?.toString(16).padStart(4, '0')}`)
