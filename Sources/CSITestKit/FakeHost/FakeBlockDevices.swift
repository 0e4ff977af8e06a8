import CSIHost

/// The block devices of a fake host.
struct FakeBlockDevices: BlockDevices {
    let host: FakeHost
}
