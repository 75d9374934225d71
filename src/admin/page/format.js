/** Numbers for people; fixed widths, so that the layout does not jump. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 12 345 with thin spaces: nobody reads it as a decimal comma. */
export const count = value => whole.format(value).replaceAll(',', '\u202f')

export const rate = value => (value === null ? '–' : value < 10 ? value.toFixed(1) : count(value))

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

export function bytes(value) {
  if (value === null) return '–'
  let unit = 0
  let left = value
  while (left >= 999.5 && unit < UNITS.length - 1) {
    left /= 1000
    unit++
  }
  return `${unit === 0 || left >= 99.95 ? Math.round(left) : left.toFixed(1)} ${UNITS[unit]}`
}

export const percent = share => (share === null ? '–' : `${(share * 100).toFixed(1)} %`)

/** 80 %, 33.3 %. */
export const roundPercent = share => `${Number((share * 100).toFixed(1))} %`

export function micros(value) {
  if (value === null) return '–'
  if (value < 1000) return `${Math.round(value)} µs`
  if (value < 99_950) return `${(value / 1000).toFixed(value < 9_995 ? 2 : 1)} ms`
  return value < 999_500 ? `${Math.round(value / 1000)} ms` : `${(value / 1e6).toFixed(1)} s`
}

export function duration(seconds) {
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** Whole units only, for "ago": it must not flicker. */
export function ago(iso) {
  if (iso === null) return 'never'
  const seconds = Math.floor(Math.max(0, (Date.now() - Date.parse(iso)) / 1000))
  return seconds < 2 ? 'now' : `${duration(seconds)} ago`
}

export const clock = date => date.toLocaleTimeString('en-GB')

/** Of today the time; of another day the date as well. */
export const moment = (date, now = new Date()) =>
  date.toDateString() === now.toDateString()
    ? clock(date)
    : `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${clock(date)}`

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`

/** "default/echo tcp[0].match[1]", as every other part of weir writes it. */
export const place = ({ virtualService, block, route, match }) =>
  `${virtualService} ${block}[${route}]${match === null ? '' : `.match[${match}]`}`

/** "config/a.yaml:12"; what a Kubernetes API has, has a title and no line. */
export const written = ({ file, line }) => (line === 0 ? file : `${file}:${line}`)

export const target = ({ host, subset, port }) =>
  `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`

/** The destinations of one rule, shortened as far as they stay distinct. */
export function shortNames(destinations) {
  const isOneHost = destinations.length > 1 && new Set(destinations.map(each => each.host)).size === 1
  const short = destinations.map(({ host, subset }) => {
    if (isOneHost && subset !== null) return subset
    return `${firstLabel(host)}${subset === null ? '' : ` · ${subset}`}`
  })
  return new Set(short).size === short.length ? short : destinations.map(target)
}

/** reviews of reviews.default.svc.cluster.local; an address as it is. */
const firstLabel = host => (/^[\d.:]+$/.test(host) ? host : host.split('.', 1)[0])

/** Ends of served connections, which are no problem of anyone's: ORDINARY of stats/reasons.ts. */
export const ORDINARY = new Set([
  'client-closed',
  'upstream-closed',
  'client-reset',
  'upstream-reset',
  'idle-timeout',
  'client-stalled',
  'upstream-stalled',
  'max-duration',
  'drain',
  'stop',
])

/** Destinations that are written out, "host:port subset name", shortened as far as they stay distinct. */
export const shortTexts = texts =>
  shortNames(
    texts.map(text => {
      const [, host, port, subset = null] = /^(.*):(\d+)(?: subset (.*))?$/.exec(text) ?? [text, text, '']
      return { host, port, subset }
    }),
  )

/** The same without what only fills a column: 4 ms, not 4.00 ms. */
export const plain = format => value =>
  value === 0
    ? '0'
    : format(value)
        .replace(/\.0+(?= |$)/, '')
        .replace(/(\.\d*[1-9])0+(?= |$)/, '$1')
