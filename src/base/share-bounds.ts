/**
 * Bounds of a share that hold at every moment at once: however often somebody looks, and whenever
 * they stop, the true share leaves them with a probability of at most `risk`. (An interval for one
 * look, such as Wilson's, excludes the true share sooner or later if it is looked at again and
 * again.)
 *
 * If each of n connections goes to a destination with probability p, independently, then the
 * likelihood of what was seen, averaged over all shares q by Jeffreys' prior, divided by that of p,
 *
 *   M(p) = ∫ q^count (1 − q)^(n − count) dBeta(½, ½)(q) / (p^count (1 − p)^(n − count)),
 *
 * is a martingale that starts at 1, so it ever reaches 1/risk with a probability of at most `risk`
 * (Ville 1939). The bounds are the shares that it does not exclude: the beta-binomial mixture of
 * Robbins (1970), as in Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric,
 * nonasymptotic confidence sequences, Annals of Statistics 49 (2021).
 */

/** A share as seen, 0 to 1, and the bounds of the true one. */
export type Bounds = { readonly share: number; readonly low: number; readonly high: number }

/** Bisections of a bound: each halves its error. */
const STEPS = 50

/** The bounds after `count` of `all` connections (`all` > 0). */
export function boundsOf(count: number, all: number, risk: number): Bounds {
  const share = count / all
  const isOut = (p: number): boolean => isExcluded(p, count, all, risk)
  return {
    share,
    low: count === 0 ? 0 : edge(isOut, 0, share),
    high: count === all ? 1 : edge(isOut, 1, share),
  }
}

/** Whether a true share of `p` is excluded after `count` of `all` connections. */
export const isExcluded = (p: number, count: number, all: number, risk: number): boolean =>
  logMixture(count, all) - logLikelihood(p, count, all) >= -Math.log(risk)

/** Between `out`, which may be excluded, and `inside`, which is not. */
function edge(isOut: (p: number) => boolean, out: number, inside: number): number {
  let [outer, inner] = [out, inside]
  for (let step = 0; step < STEPS; step++) {
    const middle = (outer + inner) / 2
    if (isOut(middle)) outer = middle
    else inner = middle
  }
  return outer
}

/** 0 · log 0 is 0 here: nothing was seen of what cannot be. */
function logLikelihood(p: number, count: number, all: number): number {
  const seen = count === 0 ? 0 : count * Math.log(p)
  return seen + (count === all ? 0 : (all - count) * Math.log1p(-p))
}

const logMixture = (count: number, all: number): number =>
  logGamma(count + 0.5) + logGamma(all - count + 0.5) - logGamma(all + 1) - Math.log(Math.PI)

/** From here Stirling's series is exact to 10^-13. */
const STIRLING_MIN = 10

/** The logarithm of Γ(x), x > 0: Stirling's series, after steps of Γ(x + 1) = x Γ(x). */
function logGamma(x: number): number {
  let [product, shifted] = [1, x]
  while (shifted < STIRLING_MIN) product *= shifted++
  const inverse = 1 / shifted
  const square = inverse * inverse
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
  return (
    (shifted - 0.5) * Math.log(shifted) - shifted + Math.log(2 * Math.PI) / 2 + series - Math.log(product)
  )
}
