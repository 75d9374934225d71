/** Codes of the third stage: how resources of Gateway API fit together. */

import { type CodeEntry, info, warning } from '../findings/code-entry.ts'

export const GATEWAY_API_CODES = {
  CFG520: warning(
    'a Gateway of Gateway API names a GatewayClass that does not exist',
    'add a GatewayClass with controllerName: gateway.weir/controller, or correct gatewayClassName',
  ),
  CFG521: info(
    'a Gateway of Gateway API belongs to another controller',
    'nothing to do, if this is intended; weir’s is gateway.weir/controller',
  ),
  CFG522: warning(
    'a Gateway, ListenerSet or listener of Gateway API is not accepted, and not served',
    'see the message; the status has the same reason',
  ),
  CFG523: warning(
    'a listener of Gateway API refers to what does not exist or what it may not use',
    'add what the message names, or a ReferenceGrant in its namespace',
  ),
  CFG524: warning(
    'a route is not attached to a parent that it names',
    'correct parentRefs or hostnames, or let the listener take the route by allowedRoutes',
  ),
  CFG525: warning(
    'a backend of a route cannot be used, and its share of connections is reset',
    'add the Service, or a ReferenceGrant in its namespace, or remove the backend',
  ),
  CFG526: warning(
    'a TCPRoute gets no connection, because an older one has the listener',
    'name another listener by sectionName or port, or merge the routes into one with weights',
  ),
  CFG527: warning(
    'a hostname of a TLSRoute gets no connection, because an older route has it',
    'remove it, or merge the routes into one with weights',
  ),
  CFG528: warning(
    'a BackendTLSPolicy cannot be used',
    'see the message; until then connections to its Service are reset, unless an older policy applies',
  ),
  CFG529: warning(
    'a Gateway of Gateway API and one of Istio have the same name',
    'rename one: reports, policies and questions take the name for either',
  ),
} as const satisfies Record<string, CodeEntry>
