/**
 * Finds the elements of a list in an older version of it, in which they mostly have the same order:
 * one that comes or goes moves those behind it. What has moved far counts as new.
 */

/** How many may go or be replaced in a row. */
const WINDOW = 8

/**
 * @param isSame  Whether an element is the one at a place of the older list.
 * @param onEach  Called for each element, in order, with that place; −1: it is new.
 */
export function align(
  count: number,
  countBefore: number,
  isSame: (index: number, before: number) => boolean,
  onEach: (index: number, before: number) => void,
): void {
  let next = 0
  for (let index = 0; index < count; index++) {
    const end = Math.min(next + WINDOW, countBefore)
    let before = next
    while (before < end && !isSame(index, before)) before++
    const isFound = before < end
    if (isFound) next = before + 1
    onEach(index, isFound ? before : -1)
  }
}
