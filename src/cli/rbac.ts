/** `weir rbac`: the rights that weir needs in a cluster, as objects to apply. */

import { Findings } from '../config/findings/diagnostic.ts'
import { renderText } from '../config/findings/render.ts'
import { writeYaml } from '../config/text/plain-yaml.ts'
import { readDocuments } from '../config/text/read-documents.ts'
import type { ApiObject } from '../config/text/read-objects.ts'
import { readFiles, type Sources } from '../source/files/files.ts'
import { leaseName } from '../source/kubernetes/lease.ts'
import { needsOf } from '../source/kubernetes/needs.ts'
import { rbacOf } from '../source/kubernetes/rbac.ts'
import { sourcesOf } from './check.ts'
import { needsSettings } from './cluster.ts'
import { type Env, Exit, wantsColours } from './env.ts'
import { settingsIn } from './second-instance.ts'

export type RbacFlags = { readonly account: string }

/** Whom `--account` names: "namespace/name". */
const ACCOUNT = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/

export function rbac(sources: Sources, { account }: RbacFlags, env: Env): number {
  const [, namespace, name] = ACCOUNT.exec(account) ?? []
  if (name === undefined) {
    env.stderr.write('error: --account must be a service account as namespace/name\n')
    return Exit.usage
  }
  const files = readFiles(sources)
  const findings = new Findings()
  const written = readDocuments(files, findings).map(each => each.value as ApiObject)
  if (findings.count('error') > 0) {
    const colours = wantsColours(env, env.stderr)
    env.stderr.write(`${renderText(findings.list, { sourceOf: sourcesOf(files), colours })}\n`)
    return Exit.failed // what cannot be read may need rights
  }
  const settings = settingsIn(sources)
  const objects = [...written, ...(sources.objects ?? []).map(each => each.object)]
  const ofKind = (kind: string) => objects.filter(each => each.kind === kind).map(object => ({ object }))
  const { namespaces, status } = settings.kubernetes
  const needs = needsOf(ofKind, needsSettings(settings))
  const lease = leaseName(settings.kubernetes)
  const given = rbacOf({ needs, namespaces, status, lease, account: { name, namespace } })
  env.stdout.write(given.map(each => `---\n${writeYaml(each)}`).join(''))
  return Exit.ok
}
