/**
 * Thousands of rules as teams would write them, before the demo's own: each for a network of
 * clients, and a few of them for clients that come.
 */

const TEAMS = ['accounts', 'audit', 'auth', 'billing', 'booking', 'cart', 'catalog', 'checkout', 'delivery']
const RULES_PER_SERVICE = 20
const HOST = 'echo-server.default.svc.cluster.local'

/** Clients whose connections some of the rules take. */
export const CROWD_CLIENTS: readonly string[] = Array.from(
  { length: 12 },
  (_, index) => `127.0.11.${index + 1}`,
)

/** Files of a configuration with `count` rules. */
export function crowd(count: number): Readonly<Record<string, string>> {
  const services = Math.ceil(count / RULES_PER_SERVICE)
  const texts = Array.from({ length: services }, (_, nth) =>
    service(nth, Math.min(RULES_PER_SERVICE, count - nth * RULES_PER_SERVICE)),
  )
  return { 'crowd.yaml': texts.join('---\n') }
}

function service(nth: number, rules: number): string {
  const team = TEAMS[nth % TEAMS.length]
  const number = Math.floor(nth / TEAMS.length)
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${team}${number === 0 ? '' : `-${number}`}, namespace: default}
spec:
  hosts: ['*']
  gateways: [ingressgateway-1]
  tcp:
${Array.from({ length: rules }, (_, index) => `    - ${rule(nth * RULES_PER_SERVICE + index)}\n`).join('')}`
}

/** Every seventh is a split. */
function rule(index: number): string {
  const client = index % 3 === 1 ? CROWD_CLIENTS[(index - 1) / 3] : undefined
  const subnet = client ?? `10.${(index >> 8) & 255}.${index & 255}.0/24`
  const to = (subset: string, weight: string): string =>
    `{destination: {host: ${HOST}, subset: ${subset}}${weight}}`
  const route =
    index % 7 === 3 ? `${to('prod', ', weight: 90')}, ${to('gray', ', weight: 10')}` : to('prod', '')
  return `{match: [{sourceSubnet: ${subnet}}], route: [${route}]}`
}
