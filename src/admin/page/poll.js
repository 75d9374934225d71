/**
 * Polls the gateway: one request a second while the page is visible, none while it is hidden.
 *
 * If an answer fails, polling continues at the same pace, and the page shows since when.
 */

const EVERY_MS = 1_000
const PATIENCE_MS = 4_000

/** A JSON answer; throws the gateway's `{ message, hint }` if it refuses. */
export async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) })
  const body = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(body.message), { hint: body.hint, answered: true })
  return body
}

/** @param {{ onAnswer(body: object): void, onSilence(error: Error): void }} told */
export function poll(path, { onAnswer, onSilence }) {
  let timer = null
  let isAsking = false
  const next = () => {
    clearTimeout(timer)
    timer = document.hidden ? null : setTimeout(once, EVERY_MS)
  }
  async function once() {
    if (isAsking) return
    isAsking = true
    let body = null
    try {
      body = await ask(path)
    } catch (error) {
      onSilence(error)
    }
    isAsking = false
    next()
    if (body) onAnswer(body)
  }
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : once()))
  once()
}
