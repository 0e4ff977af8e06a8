import CSICore

/// A controller for volumes that live on nodes: it says yes to growth, and that the node does it.
///
/// The external resizer asks one controller for the whole cluster, and none of the nodes' controllers is that one. So this one
/// answers with the size that was asked for and `node_expansion_required`; the kubelet then calls the node, which knows the volume and
/// has the last word on the room.
struct ExpansionOnlyDriver: VolumeExpanding {
    let info: PluginInfo

    var expansionMode: ExpansionMode { .online }

    func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        guard request.capacity.required != nil else {
            throw .invalid(
                "capacity_range.required_bytes", "is required: this controller does not know how large the volume is")
        }
        return Expansion(capacity: try request.capacity.size(fallback: 0), needsNode: true)
    }
}
