{{/* The Pod, of the Deployment and of the DaemonSet. */}}
{{- define "weir.pod" -}}
{{- $ports := (include "weir.ports" . | fromJson).ports }}
{{- $isRoot := and (eq .Values.lowPorts "capability") (include "weir.hasLowPort" .) -}}
metadata:
  labels:
    {{- include "weir.selector" . | nindent 4 }}
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Pods are replaced when a setting changes that weir reads once. All others apply without.
    gateway.weir/read-once: {{ include "weir.readOnce" . | sha256sum | trunc 16 }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "weir.serviceAccount" . }}
  automountServiceAccountToken: {{ .Values.kubernetes.enabled }}
  terminationGracePeriodSeconds: {{ include "weir.grace" . }}
  # Variables for each Service of the namespace, of which weir reads none.
  enableServiceLinks: false
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- if $isRoot }}
    # A capability that is added counts for root only (capabilities(7), ambient).
    runAsUser: 0
    {{- else }}
    runAsNonRoot: true
    runAsUser: 65532
    {{- end }}
    runAsGroup: 65532
    # Reads Secrets, whose files are root's and of mode 0440.
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      {{- toYaml .Values.seccompProfile | nindent 6 }}
    {{- if and (include "weir.hasLowPort" .) (eq .Values.lowPorts "sysctl") }}
    sysctls:
      - name: net.ipv4.ip_unprivileged_port_start
        value: {{ include "weir.lowestPort" . | quote }}
    {{- end }}
  containers:
    - name: weir
      image: {{ include "weir.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [run, {{ if .Values.kubernetes.enabled }}--kubernetes, {{ end }}/etc/weir]
      env:
        - name: WEIR_RUN_ADMIN
          {{- $address := include "weir.adminAddress" . }}
          value: {{ printf "%s:%d" (contains ":" $address | ternary (printf "[%s]" $address) $address) (int .Values.admin.port) | quote }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        {{- range $ports }}
        - name: {{ .name }}
          containerPort: {{ .targetPort }}
        {{- end }}
        - name: admin
          containerPort: {{ .Values.admin.port }}
      # Not /ready: a listener that cannot open, or a certificate that is missing, ends no
      # connection of the others.
      startupProbe:
        {{- include "weir.probe" (list "/healthz" .) | nindent 8 }}
        periodSeconds: 1
        failureThreshold: 60
      livenessProbe:
        {{- include "weir.probe" (list "/healthz" .) | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        {{- include "weir.probe" (list "/ready" .) | nindent 8 }}
        periodSeconds: 2
        timeoutSeconds: 2
      {{- if .Values.preStop.sleepSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.preStop.sleepSeconds }}
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
          {{- if $isRoot }}
          add: [NET_BIND_SERVICE]
          {{- end }}
      volumeMounts:
        - name: config
          mountPath: /etc/weir
          readOnly: true
        {{- range $name, $_ := .Values.certificates }}
        - name: tls-{{ $name }}
          mountPath: /etc/weir-tls/{{ $name }}
          readOnly: true
        {{- end }}
        {{- with .Values.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    # One folder, whose files all change at once: the kubelet swaps the link ..data.
    - name: config
      projected:
        defaultMode: 0440
        sources:
          - configMap:
              name: {{ include "weir.fullname" . }}
          {{- range .Values.config.configMaps }}
          - configMap:
              name: {{ . }}
          {{- end }}
          {{- range .Values.config.secrets }}
          - secret:
              name: {{ . }}
          {{- end }}
    {{- range $name, $secret := .Values.certificates }}
    - name: tls-{{ $name }}
      secret:
        secretName: {{ $secret }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.kind "Deployment" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "weir.selector" . | nindent 10 }}
  {{- end }}
{{- end }}

{{/* The settings that docs/configuration.md marks as read once. */}}
{{- define "weir.readOnce" -}}
{{- $settings := include "weir.settings" . | fromYaml }}
{{- pick $settings "workers" "engine" "admin" "kubernetes" | toJson }}
{{- dig "reload" "history" "" $settings }}
{{- end }}

{{- define "weir.probe" -}}
{{- $root := last . -}}
httpGet:
  path: {{ first . }}
  port: admin
  {{- if include "weir.isAdminLocal" $root }}
  host: {{ include "weir.adminAddress" $root | quote }}
  {{- end }}
{{- end }}
