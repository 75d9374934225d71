/** Label and field selectors, as the query of a list or watch gives them. */

import { badRequest } from './errors.ts'
import type { Fields, KubeObject } from './object.ts'

export type Selects = (object: KubeObject) => boolean

const EVERYTHING: Selects = () => true

export function selectorOf(query: URLSearchParams): Selects | null {
  const labels = query.get('labelSelector')
  const fields = query.get('fieldSelector')
  if (!labels && !fields) return null
  const byLabels = labels ? labelSelector(labels) : EVERYTHING
  const byFields = fields ? fieldSelector(fields) : EVERYTHING
  return object => byLabels(object) && byFields(object)
}

const SET = /^(!?)([\w./-]+)\s*(?:(=|==|!=)\s*([\w./-]*)|\s(in|notin)\s*\(([^)]*)\))?$/

function labelSelector(text: string): Selects {
  const terms = text.split(/,(?![^(]*\))/).map(each => labelTerm(each.trim()))
  return ({ metadata }) => terms.every(term => term(metadata.labels ?? {}))
}

function labelTerm(text: string): (labels: Readonly<Record<string, string>>) => boolean {
  const found = SET.exec(text)
  if (!found) throw badRequest(`unable to parse requirement: ${text}`)
  const [, not, name, sign, value, word, list] = found
  if (word) {
    const values = list.split(',').map(each => each.trim())
    return labels => values.includes(labels[name]) === (word === 'in')
  }
  if (sign) return labels => (labels[name] === value) === (sign !== '!=')
  return labels => Object.hasOwn(labels, name) === !not
}

/** `a.b=c,d!=e`: of fields that an object may have; the API server allows few of them. */
function fieldSelector(text: string): Selects {
  const terms = text.split(',').map(each => {
    const found = /^([\w.]+)(=|==|!=)(.*)$/.exec(each)
    if (!found) throw badRequest(`invalid selector: '${each}'`)
    const [, path, sign, value] = found
    return (object: KubeObject): boolean =>
      (String(valueAt(object, path) ?? '') === value) === (sign !== '!=')
  })
  return object => terms.every(term => term(object))
}

const valueAt = (object: KubeObject, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (value as Fields | undefined)?.[name], object)
