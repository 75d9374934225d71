{{/* Names and labels. */}}
{{- define "weir.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "weir.fullname" -}}
{{- $name := include "weir.name" . }}
{{- $default := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- .Values.fullnameOverride | default $default | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "weir.selector" -}}
app.kubernetes.io/name: {{ include "weir.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "weir.labels" -}}
{{ include "weir.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "weir.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "weir.fullname" .) "default") }}
{{- end }}

{{- define "weir.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{/* A duration of the Settings ("1m30s") in whole seconds, rounded up. */}}
{{- define "weir.seconds" -}}
{{- $scale := dict "ns" 1e-9 "us" 1e-6 "µs" 1e-6 "μs" 1e-6 "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 }}
{{- $sum := 0.0 }}
{{- range regexFindAll "[0-9.]+(ns|us|µs|μs|ms|s|m|h)" (toString .) -1 }}
{{- $unit := regexFind "[^0-9.]+$" . }}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) (get $scale $unit)) }}
{{- end }}
{{- ceil $sum | int }}
{{- end }}

{{/*
How long the kubelet waits for a Pod to end: preStop, drain.lameDuck and drain.timeout, which weir
takes in turn, and 5 s to exit. A shorter time would kill connections that may still end by
themselves.
*/}}
{{- define "weir.grace" -}}
{{- $drain := (.Values.settings | default dict).drain | default dict }}
{{- $lameDuck := include "weir.seconds" ($drain.lameDuck | default "0s") | int }}
{{- $timeout := include "weir.seconds" ($drain.timeout | default "30s") | int }}
{{- $least := add .Values.preStop.sleepSeconds $lameDuck $timeout 5 | int }}
{{- $given := .Values.terminationGracePeriodSeconds }}
{{- if kindIs "invalid" $given }}
{{- if not .Values.settings }}
{{- fail "terminationGracePeriodSeconds must be set: without settings, the chart does not know drain.lameDuck and drain.timeout" }}
{{- end }}
{{- $least }}
{{- else if lt (int $given) $least }}
{{- fail (printf "terminationGracePeriodSeconds is %d, but a Pod may take %d s to end: preStop %d, drain.lameDuck %d, drain.timeout %d, and 5" (int $given) $least (int .Values.preStop.sleepSeconds) $lameDuck $timeout) }}
{{- else }}
{{- int $given }}
{{- end }}
{{- end }}

{{/*
The admin listener: on the node's network at the loopback address only, since everybody who reaches
the node could read it. Elsewhere at every address, for the kubelet's probes; the NetworkPolicy
decides who else.
*/}}
{{- define "weir.adminAddress" -}}
{{- .Values.admin.address | default (.Values.hostNetwork | ternary "127.0.0.1" "0.0.0.0") }}
{{- end }}

{{- define "weir.isAdminLocal" -}}
{{- if or (hasPrefix "127." (include "weir.adminAddress" .)) (eq "::1" (include "weir.adminAddress" .)) }}true{{ end }}
{{- end }}

{{/* Every port of every Gateway, as JSON: {ports: [{gateway, name, port, targetPort, …}]}. */}}
{{- define "weir.ports" -}}
{{- $ports := list }}
{{- range $gateway, $each := .Values.gateways }}
{{- range $each.ports }}
{{- $ports = append $ports (merge (dict "gateway" $gateway "targetPort" (.targetPort | default .port)) .) }}
{{- end }}
{{- end }}
{{- dict "ports" $ports | toJson }}
{{- end }}

{{/* The lowest port that weir listens on; 65535 if it has none. */}}
{{- define "weir.lowestPort" -}}
{{- $lowest := 65535 }}
{{- range (include "weir.ports" . | fromJson).ports }}{{ $lowest = min $lowest .targetPort }}{{ end }}
{{- $lowest }}
{{- end }}

{{- define "weir.hasLowPort" -}}
{{- if lt (include "weir.lowestPort" . | int) 1024 }}true{{ end }}
{{- end }}

{{/* What no schema can say. */}}
{{- define "weir.check" -}}
{{- $names := dict }}
{{- $numbers := dict (toString .Values.admin.port) "the admin listener" }}
{{- range (include "weir.ports" . | fromJson).ports }}
{{- $what := printf "port %s of gateway %s" .name .gateway }}
{{- if hasKey $names .name }}
{{- fail (printf "%s has the name of %s: names are unique over all gateways, since they are the container's" $what (get $names .name)) }}
{{- end }}
{{- if hasKey $numbers (toString .targetPort) }}
{{- fail (printf "%s and %s both listen on %v: choose another targetPort, and give it to the Gateway" $what (get $numbers (toString .targetPort)) .targetPort) }}
{{- end }}
{{- $_ := set $names .name $what }}
{{- $_ := set $numbers (toString .targetPort) $what }}
{{- end }}
{{- if and .Values.hostNetwork (include "weir.hasLowPort" .) (eq .Values.lowPorts "sysctl") }}
{{- fail "lowPorts: sysctl does not work on the host's network, whose sysctls are the node's: set net.ipv4.ip_unprivileged_port_start there and lowPorts: node, or lowPorts: capability" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (eq .Values.kind "DaemonSet") }}
{{- fail "autoscaling.enabled is for kind: Deployment; a DaemonSet has a Pod on each node" }}
{{- end }}
{{- if and .Values.monitoring.serviceMonitor.enabled (include "weir.isAdminLocal" .) }}
{{- fail "monitoring.serviceMonitor cannot reach the admin listener at its loopback address: set admin.address, and who may read it (settings.admin.auth)" }}
{{- end }}
{{- if and .Values.admin.fleet (include "weir.isAdminLocal" .) }}
{{- fail "admin.fleet: Pods cannot reach each other at the loopback address: set admin.address, and who may read it (settings.admin.auth)" }}
{{- end }}
{{- if and .Values.admin.fleet (not .Values.settings) }}
{{- fail "admin.fleet is a setting: without settings, name the Pods by admin.fleet of your own Settings" }}
{{- end }}
{{- with (.Values.settings | default dict).admin }}
{{- if or (hasKey . "address") (hasKey . "port") (hasKey . "socket") }}
{{- fail "settings.admin has no effect on where the admin listener is: set admin.address and admin.port of the values" }}
{{- end }}
{{- end }}
{{- if and .Values.settings (hasKey .Values.config.files "settings.yaml") }}
{{- fail "config.files has settings.yaml, which the chart makes from settings: set settings: null, or name it otherwise" }}
{{- end }}
{{- end }}

{{/* The files of the ConfigMap: the Settings, and what the values give as text or as an object. */}}
{{/* With admin.fleet, Pods find each other by the headless Service (admin-service.yaml). */}}
{{- define "weir.settings" -}}
{{- $settings := deepCopy (.Values.settings | default dict) }}
{{- $admin := $settings.admin | default dict }}
{{- if and .Values.admin.fleet (not (hasKey $admin "fleet")) }}
{{- $place := printf "%s-admin.%s.svc:%d" (include "weir.fullname" .) .Release.Namespace (int .Values.admin.port) }}
{{- $_ := set $settings "admin" (merge (dict "fleet" (list $place)) $admin) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{- define "weir.files" -}}
{{- if .Values.settings -}}
settings.yaml: |
  apiVersion: gateway.weir/v1
  kind: Settings
  metadata:
    name: weir
  spec:
    {{- include "weir.settings" . | nindent 4 }}
{{- end }}
{{- range $name, $content := .Values.config.files }}
{{ dict $name (kindIs "string" $content | ternary $content (toYaml $content)) | toYaml }}
{{- end }}
{{- end }}
