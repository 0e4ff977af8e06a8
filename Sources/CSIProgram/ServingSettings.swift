/// The settings that every driver's program has, with the program's own prefix of environment variables.
public struct ServingSettings: Sendable {
    /// What the names of the program's environment variables begin with, for example `SCRATCH_`.
    public let variablePrefix: String

    /// Creates the settings of a program.
    public init(variablePrefix: String) {
        self.variablePrefix = variablePrefix
    }

    /// The lowest level that is logged.
    public var logLevel: Setting { setting("--log-level", "LOG_LEVEL", "The lowest level that is logged.") }

    /// How log lines look.
    public var logFormat: Setting { setting("--log-format", "LOG_FORMAT", "How log lines look: text or json.") }

    /// Where health and metrics are served.
    public var httpEndpoint: Setting {
        setting("--http-endpoint", "HTTP_ENDPOINT", "Where to serve /healthz, /readyz and /metrics, as 127.0.0.1:9808.")
    }

    /// Whether a node serves the Controller service, too.
    public var withController: Setting {
        setting(
            "--with-controller", "WITH_CONTROLLER", "Whether to serve the Controller service as well: true or false.")
    }

    /// Where the kubelet finds the socket.
    public var kubeletRegistrationPath: Setting {
        setting(
            "--kubelet-registration-path", "KUBELET_REGISTRATION_PATH",
            "Register with the kubelet, which finds the socket at this path of the host.")
    }

    /// The directory that the kubelet watches.
    public var kubeletRegistry: Setting {
        setting("--kubelet-registry", "KUBELET_REGISTRY", "The directory that the kubelet watches for plugins.")
    }

    private func setting(_ flag: String, _ variable: String, _ help: String) -> Setting {
        Setting(flag: flag, variable: variablePrefix + variable, help: help)
    }
}
