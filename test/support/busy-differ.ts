/**
 * A comparing thread that never finishes, as with a text that keeps the parser busy; or finishes at
 * once, if told so.
 */

export default function busy({ body }: { readonly body: Uint8Array }): { readonly wrong: string } {
  const isShort = new TextDecoder().decode(body).includes('short')
  for (;;) if (isShort) return { wrong: 'nothing to compare' }
}
