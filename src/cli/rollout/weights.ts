/** The weights of a step: a share for one destination, and the rest for the others. */

/** `percent` for the destination at `index`; the others share the rest as they did before. */
export function weightsAt(before: readonly number[], index: number, percent: number): number[] {
  const others = before.reduce((sum, weight, at) => (at === index ? sum : sum + weight), 0)
  const exact = before.map((weight, at) => {
    if (at === index) return percent
    return (100 - percent) * (others === 0 ? 1 / (before.length - 1) : weight / others)
  })
  const whole = exact.map(Math.floor)
  const rest = Math.round(100 - whole.reduce((sum, weight) => sum + weight, 0))
  const byRest = exact.map((weight, at) => ({ at, rest: weight - Math.floor(weight) }))
  for (const { at } of byRest.toSorted((a, b) => b.rest - a.rest).slice(0, rest)) whole[at]++
  return whole
}

/** The share of one destination, 0 to 1. */
export function shareAt(weights: readonly number[], index: number): number {
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return sum === 0 ? 0 : weights[index] / sum
}
