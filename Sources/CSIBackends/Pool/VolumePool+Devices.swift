import CSICore
public import CSIHost
import SystemPackage

/// Loop devices of a pool's images, as far as their names and paths tell: for images that are no longer where they were.
///
/// A container's mount namespace goes with it. The kernel then names the file behind a device that was attached there from the root of what
/// the container had mounted: `/volumes/ID/image` for a pool that was mounted alone.
extension VolumePool {
    /// Whether a device seems to show a file of this pool: what is counted, and where to look first.
    ///
    /// Another pool on the same file system may have a volume of the same id, so ask ``hasLost(_:)`` before anything is done to it.
    public func seemsToHold(_ device: LoopDevice) -> Bool {
        isBelow(device) || matches(device, PoolLayout.isImage)
    }

    /// Whether a device shows a file of this pool's directory, or one that was the image of the volume that it is named after and is so no
    /// longer.
    ///
    /// A file that is still linked as the image of a volume, and is not this pool's image of it, is another pool's.
    public func hasLost(_ device: LoopDevice) -> Bool {
        isBelow(device) || matches(device, PoolLayout.isFormerImage)
    }

    private func isBelow(_ device: LoopDevice) -> Bool { device.backingPath.hasPrefix(path.string + "/") }

    private func matches(_ device: LoopDevice, _ isMeant: (String, String) -> Bool) -> Bool {
        guard let component = (try? VolumeID(device.name))?.pathComponent, let identity else { return false }
        return device.backing.device == identity.device && isMeant(device.backingPath, component)
    }
}
