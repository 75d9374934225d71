/**
 * Addresses of the page: "#/rules?show=off&range=1h" names a view and what it shows, so that a link
 * can be shared, and back and forward work. The time range goes along from view to view.
 */

const KEPT = 'range'

/** @returns {{ view: string, params: Record<string, string> }} */
export function route() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  return { view: path, params: Object.fromEntries(new URLSearchParams(query)) }
}

/** The address of a view; parameters that are empty are left out. */
export function href(view, params = {}) {
  const kept = route().params[KEPT]
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...params, ...(kept ? { [KEPT]: kept } : {}), ...params }))
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value))
  const text = String(query)
  return `#/${view}${text === '' ? '' : `?${text}`}`
}

/** The address of the same view with some parameters changed. */
export function change(params) {
  const now = route()
  return href(now.view, { ...now.params, ...params })
}

/** Goes there; while somebody types, without a step in the history for each letter. */
export function go(address, { replace = false } = {}) {
  if (!replace) {
    location.hash = address
    return
  }
  history.replaceState(null, '', address)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** A form as an address: what is filled in becomes parameters, and the list starts anew. */
export function submitted(event, also = {}) {
  event.preventDefault()
  const fields = Object.fromEntries(
    [...new FormData(event.target)].map(([name, value]) => [name, String(value).trim()]),
  )
  go(change({ ...fields, page: '', cursor: '', ...also }))
}
