{{/* What a weir reads of a cluster, as `weir rbac` prints it; a test holds both together. */}}

{{- define "weir.settingsOfCluster" -}}
{{- ((.Values.settings | default dict).kubernetes | default dict) | toJson }}
{{- end }}

{{- define "weir.needsPods" -}}
{{- $identity := dig "authorization" "identity" "none" (.Values.settings | default dict) }}
{{- if or .Values.kubernetes.pods (eq $identity "address") }}true{{ end }}
{{- end }}

{{/* Of each namespace, or of all. */}}
{{- define "weir.sharedRules" -}}
- apiGroups: [networking.istio.io]
  resources: [gateways, virtualservices, destinationrules, serviceentries, workloadentries]
  verbs: [list, watch]
- apiGroups: [security.istio.io]
  resources: [authorizationpolicies, peerauthentications]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, listenersets, tcproutes, tlsroutes, referencegrants, backendtlspolicies]
  verbs: [list, watch]
- apiGroups: ['']
  resources: [services, endpoints{{ if include "weir.needsPods" . }}, pods{{ end }}]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- if (include "weir.settingsOfCluster" . | fromJson).status }}
- apiGroups: [networking.istio.io]
  resources:
    - gateways/status
    - virtualservices/status
    - destinationrules/status
    - serviceentries/status
    - workloadentries/status
  verbs: [patch]
- apiGroups: [security.istio.io]
  resources: [authorizationpolicies/status, peerauthentications/status]
  verbs: [patch]
- apiGroups: [gateway.networking.k8s.io]
  resources:
    - gateways/status
    - listenersets/status
    - tcproutes/status
    - tlsroutes/status
    - backendtlspolicies/status
  verbs: [patch]
- apiGroups: ['']
  resources: [events]
  verbs: [create]
{{- end }}
{{- end }}

{{/* Of what belongs to no namespace. */}}
{{- define "weir.clusterRules" -}}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses]
  verbs: [list, watch]
{{- $core := list }}
{{- if (.Values.settings | default dict).locality }}{{ $core = append $core "nodes" }}{{ end }}
{{- if .Values.kubernetes.namespaces }}{{ $core = append $core "namespaces" }}{{ end }}
{{- if $core }}
- apiGroups: ['']
  resources: {{ $core | toJson }}
  verbs: [list, watch]
{{- end }}
{{- if (include "weir.settingsOfCluster" . | fromJson).status }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses/status]
  verbs: [patch]
{{- end }}
{{- end }}

{{/* As leaseName of src/source/kubernetes/lease.ts has it. */}}
{{- define "weir.leaseName" -}}
{{- $of := include "weir.settingsOfCluster" . | fromJson }}
{{- $labels := list }}
{{- range $label, $value := $of.gatewaySelector | default dict }}
{{- $labels = append $labels (printf "%s=%s" $label $value) }}
{{- end }}
{{- $scope := concat ($of.namespaces | default list | sortAlpha) (list "") (sortAlpha $labels) }}
{{- with $of.gatewayClass }}{{ $scope = append $scope . }}{{ end }}
{{- if eq (len $scope) 1 }}weir-status{{ else }}weir-status-{{ join " " $scope | sha256sum | trunc 8 }}{{ end }}
{{- end }}

{{/* Whose holder writes status. RBAC cannot name what is not there yet. */}}
{{- define "weir.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "weir.leaseName" . }}]
  verbs: [get, patch]
{{- end }}

{{/* A Role with its binding: (list $ namespace name rules). */}}
{{- define "weir.role" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ index . 2 }}
  namespace: {{ index . 1 }}
  labels:
    {{- include "weir.labels" $root | nindent 4 }}
rules:
  {{- index . 3 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ index . 2 }}
  namespace: {{ index . 1 }}
  labels:
    {{- include "weir.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "weir.serviceAccount" $root }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}

{{/* Roles for objects that are read by name: (list $ resource suffix ids). */}}
{{- define "weir.namedRoles" -}}
{{- $root := index . 0 }}
{{- $resource := index . 1 }}
{{- $name := printf "%s-%s" (include "weir.fullname" $root) (index . 2) }}
{{- $byNamespace := dict }}
{{- range index . 3 }}
{{- $parts := splitn "/" 2 . }}
{{- $_ := set $byNamespace $parts._0 (append (get $byNamespace $parts._0 | default list) $parts._1) }}
{{- end }}
{{- range $namespace, $names := $byNamespace }}
---
{{ include "weir.role" (list $root $namespace $name (list (dict "apiGroups" (list "") "resources" (list $resource) "resourceNames" $names "verbs" (list "list" "watch")) | toYaml)) }}
{{- end }}
{{- end }}
