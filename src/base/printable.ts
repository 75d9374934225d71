/**
 * Text from elsewhere, made safe to print: what a terminal would act on, or would show in another
 * order than it has (CVE-2021-42574), is written out as \uXXXX.
 */

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

export const printable = (text: string): string =>
  text.replace(HIDDEN, found => `\\u${found.codePointAt(0)?.toString(16).padStart(4, '0')}`)
