/** "Did you mean …?": the known word nearest to an unknown one. */

/** No field has a longer name; the comparison takes the product of two lengths. */
const LENGTH_MAX = 64

/** The candidate that `word` most likely stands for, or null if none is similar. */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > LENGTH_MAX) return null
  const plain = simplify(word)
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate === word) continue
    const distance = editDistance(plain, simplify(candidate))
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** `did you mean "port"?`, or undefined if no candidate is similar. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const nearest = suggest(word, candidates)
  return nearest === null ? undefined : `did you mean "${nearest}"?`
}

/**
 * Differences in case, dashes and underscores cost nothing: `destination_subnets`, `sourcelabels`.
 */
const simplify = (word: string): string => word.toLowerCase().replaceAll(/[-_]/g, '')

/**
 * Edits that turn `left` into `right`: insert, delete, replace, or swap two neighbours (optimal
 * string alignment: G. V. Bard, Spelling-error tolerant, order-independent pass-phrases, 2007).
 */
export function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const current = [i]
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1]
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      current[j] = Math.min(
        previous[j] + 1,
        current[j - 1] + 1,
        previous[j - 1] + (same ? 0 : 1),
        swapped ? beforePrevious[j - 2] + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length]
}
