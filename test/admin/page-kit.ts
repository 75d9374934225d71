/** What tests of the page in a browser share: a configuration with everything, and its views. */

import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { splitting } from './routes-kit.ts'
import type { Scene } from './scene.ts'

export const urlOf = ({ where }: Scene): string => `http://127.0.0.1:${where.port}/`
export const hasText = (page: Page, selector: string, text: string): Promise<void> =>
  page.locator(selector, { hasText: text }).first().waitFor()

/** Goes to a view as a link of the page does. */
export const goTo = (page: Page, address: string): Promise<unknown> =>
  page.evaluate(`location.hash = ${JSON.stringify(address)}`)

/** A split, a policy, a limit, and `more` rules for a client each, 100 in a VirtualService. */
export const furnished =
  (more: number) =>
  (port: number, backend: number): string => {
    const rule = (index: number): string =>
      `    - {match: [{sourceSubnet: 10.${index >> 16}.${(index >> 8) & 255}.${index & 255}}], route: [{destination: {host: ${index === 7 ? 'nobody' : 'backend'}.example}}]}\n`
    const service = (nth: number): string => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: more-${nth}}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
${Array.from({ length: Math.min(100, more - nth * 100) }, (_, index) => rule(nth * 100 + index)).join('')}`
    return (
      splitting(80, 20)(port, backend).replace(
        'metadata: {name: edge}',
        'metadata: {annotations: {gateway.weir/per-source: connections=900}, name: edge}',
      ) +
      Array.from({ length: Math.ceil(more / 100) }, (_, nth) => service(nth)).join('') +
      `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: who}
spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.10.0/24]}}]}]}
`
    )
  }

/** Each view, with a text that it shows once the gateway has answered. */
export const VIEWS: Readonly<Record<string, string>> = {
  '#/': 'Needs a look',
  '#/fleet': 'this gateway',
  '#/rules': 'default/all tcp[2]',
  '#/rules?q=nothing+like+it': 'No rule has',
  '#/rules?show=off&order=hits&range=1h': 'No rule is like that',
  '#/rule?rule=default/all+tcp[2]': 'Configured and delivered share',
  '#/rule?rule=default/all+tcp[9]': 'There is no rule',
  '#/endpoints': 'second.example:9000',
  '#/endpoints?q=nowhere': 'No endpoint has',
  '#/connections': 'default/all tcp[2]',
  '#/connections?ended=1': 'client-closed',
  '#/connections?client=nonsense': 'not an address',
  '#/listeners': 'default/edge',
  '#/certificates': 'None: no server speaks TLS itself',
  '#/policies': 'default/who',
  '#/explain': 'Where would a connection go?',
  '#/explain?gateway=default/edge&to=127.0.0.1:1&from=127.0.10.7': 'no rule takes it',
  '#/explain?gateway=edge&to=nonsense': '! ',
  '#/reloads': 'at the start',
  '#/nonsense': 'There is no such view',
}

const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** What axe-core finds: WCAG 2.2 AA, and its best practices. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(`if (!window.axe) { ${axe} }`)
  return (await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(each => each.id + ': ' + each.nodes.map(node => node.html).slice(0, 3).join(' ')))`)) as string[]
}

/** What lies outside of its card or of the screen, and not in a table that scrolls. */
export const outside = (page: Page): Promise<string[]> =>
  page.evaluate(`(() => {
    const right = element => element.getBoundingClientRect().right
    const wide = document.scrollingElement.scrollWidth
    const found = wide > innerWidth ? ['the page is ' + wide + ' px wide'] : []
    for (const each of document.querySelectorAll('header *, main *, footer *')) {
      if (each.closest('.scroll, .unseen, weir-chart, .menu nav')) continue
      const card = each.closest('.card') ?? document.body
      const spills = each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline'
      if ((card !== each && right(each) > right(card) + 1) || (spills && !each.querySelector('.scroll')))
        found.push(each.outerHTML.slice(0, 80))
    }
    return found
  })()`) as Promise<string[]>
