/** Checks of fields that many kinds have: labels, selectors, ports. */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { labelKey, labelValue } from './names.ts'

/** A map of labels: every key and every value. */
export function checkLabels(map: Field): void {
  for (const [key, value] of map.entries) {
    const complaint = labelKey(key)
    if (complaint !== null) value.report('CFG204', `${quote(key)} ${complaint}`)
    value.check('CFG204', labelValue)
  }
}

/** A selector of workloads: no wildcard anywhere, no empty key; without labels it warns. */
export function checkSelector(selector: Field, labelsField: string): void {
  if (selector.absent) return
  const { entries } = selector.get(labelsField)
  for (const [key, value] of entries) {
    if (key === '') value.report('CFG204', 'a selector has a label without a key')
    if (`${key}${value.text ?? ''}`.includes('*')) {
      value.report(
        'CFG204',
        `${quote(`${key}=${value.text ?? ''}`)} has a wildcard, which a selector cannot have`,
      )
    }
  }
  if (entries.length === 0) {
    selector.report('CFG252', `${selector.name} has no ${labelsField}, so it selects every workload`)
  }
}

/** A port between 1 and 65535; an absent one is the number 0, which is out of range. */
export function checkPort(port: Field): void {
  const number = port.absent ? 0 : port.number
  if (number === undefined || (number >= 1 && number <= 65535)) return
  port.report('CFG202', port.absent ? `${port.name} is missing` : `port ${number} is not between 1 and 65535`)
}
