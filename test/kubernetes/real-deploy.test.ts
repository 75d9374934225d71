/** A real API server accepts what the chart and the kustomize base make. */

import { deepEqual, equal } from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { kustomize, type Manifest, render, SKIP } from '../deploy/kit.ts'
import { fullOnly } from '../support/full.ts'
import type { KubeObject } from './fake/object.ts'
import { Kubectl, noKubectl } from './kubectl.ts'
import { Cluster, noCluster } from './real/cluster.ts'

const skip = noCluster || noKubectl || SKIP || fullOnly

let cluster: Cluster
let kubectl: Kubectl

before(async () => {
  if (skip) return
  cluster = await Cluster.start()
  kubectl = new Kubectl(cluster.kubeconfig())
  for (const each of ['edge', OWN]) await kubectl.do('create', 'namespace', each)
})

after(async () => {
  kubectl?.close()
  await cluster?.stop()
})

/** Of kustomize's cluster-source, in its manifests. */
const OWN = 'weir'

/** The same fields under the name that an older server has them by. */
const OLDER: Readonly<Record<string, string>> = {
  'policy/v1': 'policy/v1beta1', // Kubernetes 1.21
  'autoscaling/v2': 'autoscaling/v2beta2', // 1.23
}

/** Of the Prometheus operator, not of Kubernetes: their schemas are tried in test/deploy. */
const isOthers = ({ apiVersion }: Manifest): boolean => apiVersion.startsWith('monitoring.coreos.com/')

const MADE: Readonly<Record<string, () => Promise<Manifest[]>>> = {
  'the defaults of the chart': () => render(),
  'load-balancer': () => render('examples/load-balancer.yaml'),
  'host-network': () => render('examples/host-network.yaml'),
  'several-gateways': () => render('examples/several-gateways.yaml'),
  'from-cluster': () => render('examples/from-cluster.yaml'),
  'kustomize base': () => kustomize('base'),
  'kustomize host-network': () => kustomize('host-network'),
  'kustomize cluster-source': () => kustomize('cluster-source'),
}

for (const [title, make] of Object.entries(MADE))
  test(`kubectl apply --dry-run=server: ${title}`, { skip }, async () => {
    const served = new Set((await kubectl.do('api-versions')).trim().split('\n'))
    const manifests = (await make()).filter(each => !isOthers(each))
    const sent = manifests.map(each => {
      const apiVersion = served.has(each.apiVersion) ? each.apiVersion : OLDER[each.apiVersion]
      return { ...each, apiVersion } as unknown as KubeObject
    })
    const namespace = title === 'kustomize cluster-source' ? OWN : 'edge'
    const printed = await kubectl.apply(sent, '--dry-run=server', `--namespace=${namespace}`)
    const lines = printed.trim().split('\n')
    equal(lines.length, manifests.length)
    deepEqual(
      lines.filter(each => !each.endsWith('created (server dry run)')),
      [],
    )
  })
