/// The pod that a volume is published for, as the kubelet tells when the CSIDriver object says `podInfoOnMount: true`.
public struct PodInfo: Sendable, Hashable {
    /// The pod's name.
    public let name: String

    /// The pod's namespace.
    public let namespace: String

    /// The pod's unique id.
    public let uid: String

    /// The pod's service account; empty when the kubelet does not tell.
    public let serviceAccount: String

    init?(_ context: StringMap) {
        guard let name = context["csi.storage.k8s.io/pod.name"],
            let namespace = context["csi.storage.k8s.io/pod.namespace"],
            let uid = context["csi.storage.k8s.io/pod.uid"]
        else { return nil }
        self.name = name
        self.namespace = namespace
        self.uid = uid
        self.serviceAccount = context["csi.storage.k8s.io/serviceAccount.name"] ?? ""
    }
}
