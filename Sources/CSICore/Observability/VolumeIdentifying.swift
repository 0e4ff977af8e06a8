/// A request about a volume that exists: its id goes into spans.
protocol VolumeIdentifying {
    var id: VolumeID { get }
}

extension DeleteVolume: VolumeIdentifying {}
extension GetVolume: VolumeIdentifying {}
extension GetVolumeStats: VolumeIdentifying {}
extension PublishVolume: VolumeIdentifying {}
extension UnpublishVolume: VolumeIdentifying {}
extension ValidateVolumeCapabilities: VolumeIdentifying {}
