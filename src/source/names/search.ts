/**
 * The search list, as glibc applies it (res_nsearch in resolv/res_query.c): the whole names that a
 * written name may mean, and which answer counts.
 *
 * - A name with a dot at the end is whole.
 * - A name with at least `ndots` dots is asked for as it is first, others last.
 * - NXDOMAIN, no address and SERVFAIL lead to the next name; a timeout ends the search.
 * - In one thing weir is stricter: while the name that answered last time fails, it looks no
 *   further, since another name would be another service.
 */

import { type Answer, FAMILIES, failureOf, isFound } from './answer.ts'
import { plainName } from './hosts-file.ts'
import type { ResolvConf } from './resolv-conf.ts'

/** RFC 1035 §2.3.4, in text without the dot at the end. */
const NAME_MAX = 253

export function wholeNames(name: string, { search, ndots }: ResolvConf): string[] {
  const plain = plainName(name)
  if (name.endsWith('.')) return [plain]
  const dots = plain.split('.').length - 1
  const inDomains = search.map(domain => `${plain}.${domain}`).filter(each => each.length <= NAME_MAX)
  const all = dots >= ndots ? [plain, ...inDomains] : [...inDomains, plain]
  return [...new Set(all)]
}

/**
 * @param last  The whole name that answered before; null: none did.
 * @param ask   Asks for one whole name.
 */
export async function searched(
  names: readonly string[],
  last: string | null,
  ask: (whole: string) => Promise<Answer>,
): Promise<Answer> {
  const answers: Answer[] = []
  for (const whole of names) {
    const answer = await ask(whole)
    if (isFound(answer)) return answer
    answers.push(answer)
    const failure = failureOf(answer)
    if (failure !== null && (whole === last || !leadsOn(failure))) return answer
  }
  return mostTelling(answers)
}

const leadsOn = (failure: string): boolean => failure === 'servfail' || failure === 'invalid'

/**
 * A failure anywhere leaves it open whether the name has addresses. Otherwise a name that exists
 * says more than one that does not.
 */
function mostTelling(answers: readonly Answer[]): Answer {
  const exists = ({ families }: Answer): boolean =>
    FAMILIES.some(family => {
      const each = families[family]
      return each.kind === 'none' && each.why === 'nodata'
    })
  return answers.find(each => failureOf(each) !== null) ?? answers.find(exists) ?? answers[0]
}
