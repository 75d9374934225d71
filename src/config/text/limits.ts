/** The limits of a configuration's text, so that no file can exhaust memory, stack or time. */

/** Bytes of one file; weir does not read a larger one at all. 100 000 routes take some 20 MiB. */
export const FILE_BYTES_MAX = 32 * 1024 * 1024

/** Documents of one file; each costs a parser of its own. */
export const DOCUMENTS_MAX = 100_000

/**
 * Lexemes of one document; each costs up to 300 bytes while it is parsed (measured with yaml 2.9).
 */
export const LEXEMES_MAX = 8_000_000

/**
 * Levels of nesting, including aliases. Istio's resources have some 15; recursion below is safe up
 * to thousands.
 */
export const DEPTH_MAX = 200

/**
 * Values that the aliases and merges of one document may add: the limit that a "billion laughs"
 * file meets.
 */
export const ALIASED_MAX = 100_000

/** Syntax errors of one document; those after the first few are mostly its echoes. */
export const SYNTAX_ERRORS_MAX = 20

/** Characters of an operator's text that a message quotes. */
export const QUOTED_MAX = 80

/** Findings of one severity in one file; the others are counted, not kept. */
export const FINDINGS_MAX = 1000
