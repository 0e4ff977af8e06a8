{{- define "csi.driver" -}}
{{ .Values.driverName | default (printf "%s.swift-csi.dev" .Values.backend) }}
{{- end }}

{{- define "csi.pool" -}}
{{ .Values.pool | default (printf "/var/lib/swift-csi/%s" .Values.backend) }}
{{- end }}

{{- define "csi.pluginDir" -}}
{{ .Values.kubeletDir }}/plugins/{{ include "csi.driver" . }}
{{- end }}

{{/* Which pods are meant; takes a list of the context and the component, or an empty one for both. */}}
{{- define "csi.selector" -}}
app.kubernetes.io/name: swift-csi
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "csi.labels" -}}
{{ include "csi.selector" (list . "") }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "csi.image" -}}
{{- $root := index . 0 }}{{ with index . 1 }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The probes of a driver's container; takes a list of the context, the port of /healthz, and the host to ask, or nothing. */}}
{{- define "csi.probes" -}}
livenessProbe:
  httpGet:
    {{- with index . 2 }}
    host: {{ . }}
    {{- end }}
    path: /healthz
    port: {{ index . 1 }}
  initialDelaySeconds: 10
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 5
readinessProbe:
  httpGet:
    {{- with index . 2 }}
    host: {{ . }}
    {{- end }}
    path: /readyz
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{- define "csi.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A sidecar beside a driver that runs as root: the socket is root's, and SELinux guards it. */}}
{{- define "csi.nodeSidecarSecurity" -}}
runAsUser: 0
{{ include "csi.unprivileged" . }}
seLinuxOptions:
  type: spc_t
{{- end }}

{{/* A sidecar that talks to the API server; takes a list of the context, the name of its socket's volume, its security context. */}}
{{- define "csi.sidecar" -}}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include (index . 2) (index . 0) | nindent 2 }}
resources:
  {{- toYaml (index . 0).Values.sidecars.resources | nindent 2 }}
volumeMounts:
  - name: {{ index . 1 }}
    mountPath: /csi
  - name: token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
{{- end }}

{{- define "csi.sidecarEnvironment" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}

{{/* The sidecars' key to the API server; the driver's container does not get it. */}}
{{- define "csi.token" -}}
- name: token
  projected:
    defaultMode: {{ . }}
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}

{{- define "csi.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
# The driver lets running calls end for 20 seconds.
terminationGracePeriodSeconds: 40
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
