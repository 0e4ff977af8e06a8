/// The parameters of a StorageClass or a VolumeAttributesClass, as a driver reads them.
///
/// Keys under `csi.storage.k8s.io/` are added by Kubernetes' sidecars and are never refused. Every other key must be
/// taken by the driver, so that a misspelt parameter is an error that names it and not a silent default:
///
/// ```swift
/// var parameters = request.parameters.reader()
/// let pool = parameters.take("pool") ?? "default"
/// try parameters.finish()                              // INVALID_ARGUMENT: parameters["pol"] is not known ...
/// ```
public struct Parameters: Sendable, Hashable {
    /// The prefix of the keys that Kubernetes' sidecars add.
    public static let kubernetesPrefix = "csi.storage.k8s.io/"

    /// All pairs.
    public let map: StringMap

    /// The field that errors name, for example `parameters`.
    public let field: String

    /// Creates parameters, for callers and tests.
    public init(_ map: StringMap = StringMap(), field: String = "parameters") {
        self.map = map
        self.field = field
    }

    /// The name of the PersistentVolumeClaim, when the provisioner runs with `--extra-create-metadata`.
    public var claimName: String? { map["csi.storage.k8s.io/pvc/name"] }

    /// The namespace of the PersistentVolumeClaim, when the provisioner runs with `--extra-create-metadata`.
    public var claimNamespace: String? { map["csi.storage.k8s.io/pvc/namespace"] }

    /// The name of the PersistentVolume, when the provisioner runs with `--extra-create-metadata`.
    public var volumeName: String? { map["csi.storage.k8s.io/pv/name"] }

    /// The pairs that are the driver's own, without what Kubernetes' sidecars add.
    public var own: StringMap { StringMap(map.values.filter { !$0.key.hasPrefix(Self.kubernetesPrefix) }) }

    /// A reader that notes which keys were taken.
    public func reader() -> Reader { Reader(self) }

    /// Takes parameters key by key and refuses what is left.
    public struct Reader {
        private let parameters: Parameters
        private var known: Set<String> = []

        init(_ parameters: Parameters) {
            self.parameters = parameters
        }

        /// The value of a key that the driver knows, or nil when it was not given.
        public mutating func take(_ key: String) -> String? {
            known.insert(key)
            return parameters.map[key]
        }

        /// Ends the reading.
        /// - Throws: INVALID_ARGUMENT naming the first key that nobody took, and the keys that are known.
        public func finish() throws(CSIError) {
            for (key, _) in parameters.map.sorted
            where !known.contains(key) && !key.hasPrefix(Parameters.kubernetesPrefix) {
                let names = known.sorted().joined(separator: ", ")
                let choice = known.isEmpty ? "this driver takes none" : "known are \(names)"
                throw .invalid("\(parameters.field)[\"\(key)\"]", "is not known; \(choice)")
            }
        }
    }
}
