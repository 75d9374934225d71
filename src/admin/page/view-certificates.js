/** The certificates in force, those that expire first; and the servers that have none. */

import { plural } from './format.js'
import { html, nothing } from './lit.js'
import { table } from './parts.js'

const DAY_MS = 86_400_000
/** Days before its end at which a certificate needs a look. */
const SOON_DAYS = 14

export const certificates = {
  title: 'Certificates',
  everyMs: 10_000,
  load: ({ ask }) => ask('/certificates'),
  show: ({ data }) => html`<section class="card" aria-labelledby="certificates-title">
    <h2 id="certificates-title">Certificates</h2>
    <p class="note">In force now; those that expire first come first. Renewed files are taken without a reload.</p>
    ${
      data.closed.length === 0
        ? nothing
        : html`<h3>Servers without a certificate reset their clients</h3>
          <ul class="findings">
            ${data.closed.map(({ server, why }) => html`<li class="bad"><strong>${server}</strong>: ${why}</li>`)}
          </ul>`
    }
    ${
      data.stale.length === 0
        ? nothing
        : html`<h3>The last good certificate is served, since a newer one cannot be used</h3>
          <ul class="findings">
            ${data.stale.map(({ use, why }) => html`<li class="warn"><strong>${use}</strong>: ${why}</li>`)}
          </ul>`
    }
    ${table({
      caption: 'Certificates in force, with their names and their end',
      columns: [['Subject', 'mono'], ['For'], ['Ends', 'nowrap'], ['Issuer'], ['From'], ['Used by']],
      rows: data.certificates,
      keyOf: each => `${each.from} ${each.subject} ${each.notAfter}`,
      empty: 'None: no server speaks TLS itself.',
      cells: ({ subject, names, notBefore, notAfter, issuer, from, uses }) => [
        subject,
        lines(names),
        html`<span class=${kindOf(notBefore, notAfter)} title=${`from ${notBefore} to ${notAfter}`}>${until(notBefore, notAfter)}</span>
          <span class="sub">${notAfter.slice(0, 10)}</span>`,
        issuer,
        from,
        lines(uses),
      ],
    })}
  </section>`,
}

const lines = list => list.map(each => html`<span class="line">${each}</span>`)
const daysTo = iso => (Date.parse(iso) - Date.now()) / DAY_MS

function kindOf(notBefore, notAfter) {
  const days = daysTo(notAfter)
  return days < 0 || daysTo(notBefore) > 0 ? 'bad' : days < SOON_DAYS ? 'warn' : ''
}

function until(notBefore, notAfter) {
  if (daysTo(notBefore) > 0) return '✕ not valid yet'
  const days = daysTo(notAfter)
  if (days < 0) return '✕ has ended'
  return `${days < SOON_DAYS ? '▲ ' : ''}in ${days < 2 ? plural(Math.floor(days * 24), 'hour') : plural(Math.floor(days), 'day')}`
}
