/// A request about a volume that exists: its id goes into spans.
protocol VolumeIdentifying {
    var id: VolumeID { get }
}

extension AttachVolume: VolumeIdentifying {}
extension DeleteVolume: VolumeIdentifying {}
extension DetachVolume: VolumeIdentifying {}
extension ExpandVolume: VolumeIdentifying {}
extension ExpandVolumeOnNode: VolumeIdentifying {}
extension GetVolume: VolumeIdentifying {}
extension GetVolumeStats: VolumeIdentifying {}
extension ModifyVolume: VolumeIdentifying {}
extension PublishVolume: VolumeIdentifying {}
extension StageVolume: VolumeIdentifying {}
extension UnpublishVolume: VolumeIdentifying {}
extension UnstageVolume: VolumeIdentifying {}
extension ValidateVolumeCapabilities: VolumeIdentifying {}
